"""Every image of a dataset opened once: is it whole, and what is needed to compare it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.data.progress import Progress, silent, told
from flawscope.errors import ImageError
from flawscope.images import open_image
from flawscope.values import Dataset, Problem, ProblemCode, Sample, Size

Grey = NDArray[np.uint8]

_SIDE = 128
"""The usual image's longer side once reduced: a defect may vanish, a part's texture may not."""

SQUARE = 64
_LARGEST_SIDE = 4 * _SIDE
_THREADS = 4


@dataclass(frozen=True, slots=True)
class Look:
    """What is kept of an image.

    Attributes:
        id: of its sample.
        digest: of its pixels, whatever file format holds them.
        size: in pixels, as decoded.
        grey: (height, width), reduced by the same factor as the dataset's other images.
        square: (64, 64), the whole image squashed, whatever its size.
    """

    id: str
    digest: bytes
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
    try:
        image = open_image(sample.image)
    except ImageError as error:
        return Problem(sample.id, error.what, ProblemCode.UNREADABLE_FILE)
    size = Size(image.shape[0], image.shape[1])
    digest = hashlib.blake2b(repr(size).encode(), digest_size=16)
    digest.update(image.tobytes())
    factor = min(factor, _LARGEST_SIDE / max(size))
    reduced = Size(max(1, round(size.height * factor)), max(1, round(size.width * factor)))
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    square = _resized(grey, Size(SQUARE, SQUARE))
    return Look(sample.id, digest.digest(), size, _resized(grey, reduced), square)


def _resized(grey: Grey, size: Size) -> Grey:
    if grey.shape == size:
        return grey
    return np.asarray(cv2.resize(grey, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
