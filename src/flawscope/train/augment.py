"""How crops of metal are varied: light, sharpness, noise, glare and planted defects."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.synth import DEFECTS, insert_defect
from flawscope.train.recipe import AugmentRecipe
from flawscope.train.supervision import CLEAN, DEFECT, UNKNOWN

Pixels = NDArray[np.uint8]


def vary(
    image: Pixels,
    known: Pixels,
    told: NDArray[np.float32],
    recipe: AugmentRecipe,
    rng: np.random.Generator,
) -> tuple[Pixels, Pixels, NDArray[np.float32]]:
    """One random variation of a crop, and what is then known of it.

    Args:
        image: uint8 (height, width, 3).
        known: uint8 (1 + k, height, width), as of ``supervision.places``.
        told: float32 (1 + k), answers for the whole crop; NaN is unknown.
        recipe: how much.
        rng: the only source of chance.
    """
    if told[0] == 0.0 and (known[0] == CLEAN).all() and rng.random() < recipe.planted:
        image, known, told = _planted(image, known, rng)
    if rng.random() < recipe.uneven_light:
        image = _uneven_light(image, rng)
    if rng.random() < recipe.glare:
        image = _glare(image, rng)
    return _photographed(image, recipe, rng), known, told


def _planted(
    image: Pixels, known: Pixels, rng: np.random.Generator
) -> tuple[Pixels, Pixels, NDArray[np.float32]]:
    """A clean crop with a rendered defect, which is of none of the kinds the labellers named."""
    kind = DEFECTS[rng.integers(len(DEFECTS))]
    image, mask = insert_defect(image, kind, rng)
    known = known.copy()
    known[0][mask] = DEFECT
    known[1:, mask] = UNKNOWN
    told = np.full(len(known), np.nan, dtype=np.float32)
    told[0] = 1.0 if mask.any() else 0.0
    return image, known, told


def _photographed(image: Pixels, recipe: AugmentRecipe, rng: np.random.Generator) -> Pixels:
    """Exposure, contrast, focus and sensor noise."""
    light = np.arange(256) * _factor(recipe.brightness, rng)
    grey = cv2.cvtColor(cv2.LUT(image, _lit(light)), cv2.COLOR_RGB2GRAY).mean()
    contrast = _factor(recipe.contrast, rng)
    varied = np.asarray(
        cv2.LUT(image, _lit(grey + contrast * (light.clip(0, 255) - grey))), np.uint8
    )
    if rng.random() < recipe.blur:
        sigma = float(rng.uniform(0.4, 1.2))
        varied = np.asarray(cv2.GaussianBlur(varied, (7, 7), sigma), np.uint8)
    if rng.random() < recipe.noise:
        grain = rng.standard_normal(varied.shape[:2], dtype=np.float32) * rng.uniform(1.0, 7.0)
        varied = _lit(varied + grain[:, :, None])
    return varied


def _factor(change: float, rng: np.random.Generator) -> float:
    """A factor whose logarithm is even-handed: as often a half as a double."""
    return float((1.0 + change) ** rng.uniform(-1.0, 1.0))


def _uneven_light(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Brighter towards one side, as under a lamp that stands to that side."""
    height, width = image.shape[:2]
    angle = rng.uniform(0.0, 2.0 * np.pi)
    y, x = np.mgrid[-1.0 : 1.0 : height * 1j, -1.0 : 1.0 : width * 1j].astype(np.float32)
    ramp = x * np.cos(angle) + y * np.sin(angle)
    gain = np.exp(ramp * rng.uniform(0.1, 0.5))
    return _lit(image * gain[:, :, None].astype(np.float32))


def _glare(image: Pixels, rng: np.random.Generator) -> Pixels:
    """A soft bright reflection, round or drawn out to a streak."""
    height, width = image.shape[:2]
    angle = rng.uniform(0.0, np.pi)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = x - rng.uniform(0, width), y - rng.uniform(0, height)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    reach = rng.uniform(0.1, 0.35) * max(height, width)
    length = reach * rng.uniform(1.0, 5.0)
    light = np.exp(-((along / length) ** 2) - (across / reach) ** 2) * rng.uniform(20.0, 90.0)
    return _lit(image + light[:, :, None].astype(np.float32))


def _lit(light: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(light + 0.5, 0.0, 255.0), dtype=np.uint8)
