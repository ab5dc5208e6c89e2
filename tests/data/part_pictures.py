"""Pictures of parts made of noise: each part its own texture, each shot its own light and crop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.images import read_size, save_image
from flawscope.values import Dataset, Label, Sample

Picture = NDArray[np.uint8]

SIDE = 96


def texture(seed: int, side: int = SIDE) -> Picture:
    """A part's surface: noise at two scales, RGB (side, side, 3)."""
    rng = np.random.default_rng(seed)
    coarse = cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), 3.0)
    fine = cv2.GaussianBlur(rng.normal(size=(side, side)), (0, 0), 1.0)
    values = coarse / coarse.std() + 0.5 * fine / fine.std()
    return as_picture(110.0 + 25.0 * values)


def as_picture(values: NDArray[np.floating]) -> Picture:
    grey = np.clip(values, 0, 255).astype(np.uint8)
    return grey if grey.ndim == 3 else np.repeat(grey[:, :, None], 3, axis=2)


def shot(part: Picture, number: int) -> Picture:
    """A photograph of a part: its own exposure, sensor noise, and a crop a few pixels off."""
    rng = np.random.default_rng(number)
    top, left = rng.integers(0, 5, 2)
    cut = part[top : part.shape[0] - 4 + top, left : part.shape[1] - 4 + left]
    light = cut.astype(np.float64) * rng.uniform(0.6, 1.4) + rng.normal(0, 3, cut.shape)
    return as_picture(light)


def dataset_of(
    root: Path,
    pictures: Mapping[str, Picture],
    describe: Callable[[str], dict[str, object]] = lambda _: {},
) -> Dataset:
    """Writes pictures by id, and the dataset of them; ``describe`` gives fields of a sample."""
    samples = []
    for id_ in sorted(pictures):
        path = root / id_
        save_image(pictures[id_], path)
        fields = {"label": Label.GOOD, "defects": (), "kinds": (), **describe(id_)}
        samples.append(Sample(id_, path, read_size(path), **fields))
    kinds = {kind for sample in samples for kind in sample.kinds or ()}
    return Dataset(root, "test", tuple(sorted(kinds)), tuple(samples))
