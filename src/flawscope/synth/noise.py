"""Random fields that metal textures and ragged outlines are made of."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

_COARSE = 4.0
"""Pixels from which a feature is large enough for its shape to be seen."""

Field = NDArray[np.float32]
"""One number a pixel: (height, width)."""


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between ``low`` and ``high``, every factor as likely as any other."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high))))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True in this share of draws."""
    return bool(rng.random() < probability)


def blurred(field: Field, deviation: float) -> Field:
    """A Gaussian blur, of every colour alone where there are several."""
    blur: Field = np.asarray(cv2.GaussianBlur(field, (0, 0), deviation), dtype=np.float32)
    return blur


def warped(
    field: Field, matrix: NDArray[np.float64], size: tuple[int, int], *, smooth: bool = False
) -> Field:
    """A field (height, width) read at ``matrix`` @ (x, y, 1), mirrored beyond its border."""
    way = cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR
    warp: Field = np.asarray(
        cv2.warpAffine(
            field,
            matrix,
            (size[1], size[0]),
            flags=way | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT,
        ),
        dtype=np.float32,
    )
    return warp


def smooth_noise(
    rng: np.random.Generator, size: tuple[int, int], scale: float | tuple[float, float]
) -> Field:
    """Noise of about unit variance whose features measure ``scale`` pixels (down, across)."""
    down, across = (max(s, 1.0) for s in (scale if isinstance(scale, tuple) else (scale, scale)))
    if min(down, across) >= 4 * _COARSE and min(size) > 4:
        # So smooth that a quarter of the resolution holds all of it.
        small = smooth_noise(rng, (-(-size[0] // 4), -(-size[1] // 4)), (down / 4, across / 4))
        return np.asarray(cv2.resize(small, (size[1], size[0])), dtype=np.float32)
    if min(down, across) >= _COARSE:
        # One octave alone would show the squares it was interpolated from.
        finer = smooth_noise(rng, size, (down / 2.3, across / 2.3))
        return np.float32(0.85) * _octave(rng, size, down, across) + np.float32(0.53) * finer
    return _octave(rng, size, down, across)


def _octave(rng: np.random.Generator, size: tuple[int, int], down: float, across: float) -> Field:
    if down == across == 1.0:
        return rng.standard_normal(size, dtype=np.float32)
    height, width = size
    grid = rng.standard_normal(
        (math.ceil(height / down) + 3, math.ceil(width / across) + 3), dtype=np.float32
    )
    # A random phase, or every field would have a grid point in its corner.
    phase_x, phase_y = (float(p) + 0.5 for p in rng.random(2))
    matrix = np.array([[1 / across, 0, phase_x], [0, 1 / down, phase_y]])
    stretched = warped(grid, matrix, size, smooth=True)
    # Interpolation averages neighbours; this gives back the variance that it takes.
    return stretched * np.float32(1.25 if 1.0 in (down, across) else 1.5)


def streaks(
    rng: np.random.Generator, size: tuple[int, int], angle: float, width: float, length: float
) -> Field:
    """Noise of about unit variance drawn out along ``angle`` (radians, x towards y, downwards)."""
    height, across = size
    side = math.ceil(math.hypot(height, across)) + 2
    straight = smooth_noise(rng, (side, side), (width, length))
    cosine, sine = math.cos(angle), math.sin(angle)
    middle_x, middle_y = (across - 1) / 2, (height - 1) / 2
    matrix = np.array(
        [
            [cosine, sine, side / 2 - cosine * middle_x - sine * middle_y],
            [-sine, cosine, side / 2 + sine * middle_x - cosine * middle_y],
        ]
    )
    return warped(straight, matrix, size)


def ragged_blob(
    rng: np.random.Generator,
    size: tuple[int, int],
    radii: tuple[float, float],
    angle: float,
    ragged: float,
) -> Field:
    """How far inside a ragged ellipse each pixel is: 1 in its middle, 0 on its rim, then below.

    Args:
        size: of the field; the ellipse is centred in it.
        radii: of the ellipse, along and across ``angle``, in pixels.
        angle: of its first radius, radians.
        ragged: how far noise moves the rim, as a share of the radii.
    """
    height, width = size
    x = np.arange(width, dtype=np.float32)[None, :] - (width - 1) / 2
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    cosine, sine = math.cos(angle), math.sin(angle)
    along = (x * cosine + y * sine) / radii[0]
    across = (y * cosine - x * sine) / radii[1]
    inside = 1.0 - np.sqrt(along * along + across * across)
    smallest = min(radii)
    coarse = smooth_noise(rng, size, max(2.0, smallest * 0.9))
    fine = smooth_noise(rng, size, max(1.5, smallest * 0.3))
    blob: Field = (inside + ragged * (0.6 * coarse + 0.3 * fine)).astype(np.float32)
    return blob


def soft_step(values: Field, low: float, high: float) -> Field:
    """0 below ``low``, 1 above ``high``, smooth between them."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    step: Field = (share * share * (3.0 - 2.0 * share)).astype(np.float32)
    return step
