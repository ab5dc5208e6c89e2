"""Every image of a dataset opened once: is it whole, and what is needed to compare it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.data.progress import Progress, silent, told
from flawscope.errors import ImageError
from flawscope.images import open_reduced
from flawscope.values import Dataset, Problem, ProblemCode, Sample, Size

Grey = NDArray[np.uint8]

_SIDE = 128
"""The usual image's longer side once reduced: a defect may vanish, a part's texture may not."""

SQUARE = 64
_LARGEST_SIDE = 4 * _SIDE
_SPARE = 2
"""Decoders shrink roughly, so they leave this many times the pixels that are kept."""
_THREADS = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of an image.

    Attributes:
        id: of its sample.
        image: the file.
        digest: of its pixels, whatever file format holds them; ``None`` where it was decoded
            reduced, so that nobody has seen them all.
        size: in pixels, as decoded.
        grey: (height, width), reduced by the same factor as the dataset's other images.
        square: (64, 64), the whole image squashed, whatever its size.
    """

    id: str
    image: Path
    digest: bytes | None
    size: Size
    grey: Grey
    square: Grey


def look_at(
    dataset: Dataset, progress: Progress = silent
) -> tuple[Mapping[str, Look], Sequence[Problem]]:
    """Opens every image: looks by id, and a problem for each that cannot be decoded."""
    factor = _common_factor(dataset.samples)
    looks: dict[str, Look] = {}
    problems: list[Problem] = []
    pool = ThreadPoolExecutor(_THREADS)
    try:
        found = pool.map(lambda sample: _look(sample, factor), dataset.samples)
        for look in told(found, "opening images", len(dataset.samples), progress):
            if isinstance(look, Look):
                looks[look.id] = look
            else:
                problems.append(look)
    finally:
        # Ctrl-C must not wait for the images that nobody will look at.
        pool.shutdown(cancel_futures=True)
    return looks, problems


def _common_factor(samples: Iterable[Sample]) -> float:
    # One factor for all, because photographs of one part keep their scale but not their crop.
    sides = [max(sample.size) for sample in samples]
    return min(1.0, _SIDE / float(np.median(sides))) if sides else 1.0


def _look(sample: Sample, factor: float) -> Look | Problem:
    wanted = _reduced(sample.size, factor)
    least = Size(*(_SPARE * max(side, SQUARE) for side in wanted))
    try:
        image, size = open_reduced(sample.image, least)
    except ImageError as error:
        return Problem(sample.id, error.what, ProblemCode.UNREADABLE_FILE)
    digest = pixel_digest(image) if image.shape == (*size, 3) else None
    grey: Grey = image
    if image.ndim == 3:
        grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    square = _resized(grey, Size(SQUARE, SQUARE))
    reduced = _resized(grey, _reduced(size, factor))
    return Look(sample.id, sample.image, digest, size, reduced, square)


def pixel_digest(image: NDArray[np.uint8]) -> bytes:
    """A digest of the pixels of an RGB image (height, width, 3)."""
    digest = hashlib.blake2b(repr(image.shape).encode(), digest_size=16)
    digest.update(image.tobytes())
    return digest.digest()


def _reduced(size: Size, factor: float) -> Size:
    factor = min(factor, _LARGEST_SIDE / max(size))
    return Size(max(1, round(size.height * factor)), max(1, round(size.width * factor)))


def _resized(grey: Grey, size: Size) -> Grey:
    if grey.shape == size:
        return grey
    return np.asarray(cv2.resize(grey, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
