"""Defects that are lines: scratches and cracks."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.synth.marks import Mark, mark
from flawscope.synth.noise import (
    Field,
    blurred,
    chance,
    log_uniform,
    smooth_noise,
    warped,
)

Path = NDArray[np.float64]
"""Points (n, 2), x and y in pixels."""

Weights = NDArray[np.float64]
"""0-1 for each point of a path."""

_SUBPIXEL = 4
"""Binary digits of a pixel's fraction in cv2's drawing."""


def scratch(rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """One stroke of a hard point or of a rough edge: grooves with a burr along their sides."""
    reach = min(size)
    length = log_uniform(rng, max(6.0, reach * 0.06), reach * 1.1)
    width = log_uniform(rng, 0.6, max(0.7, min(1.8, length * 0.05)))
    angle = along + rng.normal(0.0, 0.15) if chance(rng, 0.35) else rng.uniform(0.0, math.pi)
    strands = 1 if chance(rng, 0.5) else int(rng.integers(2, 12))
    swath = width * rng.uniform(0.8, 3.0)
    bend = rng.normal(0.0, 0.05) * length
    paths, weights = [], []
    for strand in range(strands):
        first = strand == 0
        share = 1.0 if first else rng.uniform(0.3, 1.0)
        shift = rng.uniform(-0.5, 0.5) * (1.0 - share) * length
        aside = 0.0 if first else rng.normal(0.0, swath)
        paths.append(_stroke(rng, angle, length * share, bend * share**2, (shift, aside)))
        weights.append(_pressure(rng, len(paths[-1])) * (1.0 if first else rng.uniform(0.3, 1.0)))
    paths, canvas = _framed(paths, margin=4.0 * width + 3.0)
    groove = _drawn(paths, weights, canvas, width)
    burr = blurred(groove, width * 1.3 + 0.5)
    depth = log_uniform(rng, 0.25, 1.8) * width
    tone = rng.uniform(0.1, 0.8) if chance(rng, 0.6) else rng.uniform(-1.0, -0.2)
    return mark(
        height=depth * (rng.uniform(0.3, 0.9) * burr - groove),
        shade=tone * groove,
        matte=np.clip(1.2 * groove, 0.0, 1.0),
        core=groove > 0.35,
    )


def crack(rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """A fracture that wanders and forks: thin, dark, one lip a little above the other."""
    reach = min(size)
    length = log_uniform(rng, max(8.0, reach * 0.08), reach * 0.9)
    width = log_uniform(rng, 0.45, max(0.5, min(1.6, length * 0.03)))
    angle = along if chance(rng, 0.4) else rng.uniform(0.0, math.pi)
    trunk = _wandering(rng, (0.0, 0.0), angle, length)
    paths, weights = [trunk], [_tapered(rng, len(trunk))]
    for _ in range(int(rng.integers(0, 4)) if length > 25 else 0):
        at = int(rng.integers(len(trunk) // 5, len(trunk) - 1))
        ahead = trunk[at] - trunk[at - 1]
        away = math.atan2(ahead[1], ahead[0]) + rng.choice([-1, 1]) * rng.uniform(0.3, 1.1)
        twig = _wandering(rng, tuple(trunk[at]), away, length * rng.uniform(0.1, 0.4))
        paths.append(twig)
        weights.append(np.linspace(weights[0][at], 0.25, len(twig)))
    paths, canvas = _framed(paths, margin=4.0 * width + 4.0)
    groove = _drawn(paths, weights, canvas, width)
    lip = blurred(groove, width + 1.2)
    towards = rng.uniform(0.0, 2.0 * math.pi)
    offset = [[1.0, 0.0, math.cos(towards) * width], [0.0, 1.0, math.sin(towards) * width]]
    raised = warped(lip, np.array(offset), canvas)
    relief = rng.uniform(0.0, 0.5) * raised - log_uniform(rng, 0.1, 0.8) * groove
    return mark(
        height=np.float32(width) * relief,
        shade=-log_uniform(rng, 0.5, 2.6) * groove,
        matte=0.3 * groove,
        core=groove > 0.3,
    )


def _stroke(
    rng: np.random.Generator,
    angle: float,
    length: float,
    bend: float,
    offset: tuple[float, float],
) -> Path:
    """A slightly bent, slightly shaky line around the origin, moved along and aside."""
    share = np.linspace(-0.5, 0.5, max(6, int(length / 5)))
    along = share * length + offset[0]
    shake = np.cumsum(rng.normal(0.0, 0.03, share.size)) * math.sqrt(length) * 0.3
    aside = bend * (1.0 - 4.0 * share * share) + shake + offset[1]
    cosine, sine = math.cos(angle), math.sin(angle)
    path: Path = np.stack([along * cosine - aside * sine, along * sine + aside * cosine], axis=1)
    return path


def _wandering(
    rng: np.random.Generator, start: tuple[float, float], angle: float, length: float
) -> Path:
    """A path whose direction keeps changing, at every scale."""
    steps = max(5, int(length / 2.5))
    slow = smooth_noise(rng, (1, steps), (1.0, max(4.0, steps / 4)))[0]
    jagged = np.repeat(rng.normal(0.0, 0.55, steps // 3 + 1), 3)[:steps]
    heading = angle + 0.35 * slow + jagged
    step = length / steps
    moves = np.stack([np.cos(heading), np.sin(heading)], axis=1) * step
    path: Path = np.concatenate([[np.zeros(2)], np.cumsum(moves, axis=0)]) + np.asarray(start)
    return path


def _pressure(rng: np.random.Generator, count: int) -> Weights:
    """How hard the point pressed along a stroke: light at its ends, sometimes skipping."""
    share = np.linspace(0.0, 1.0, count)
    ends = rng.uniform(0.03, 0.4, size=2)
    pressure = np.minimum(1.0, np.minimum(share / ends[0], (1.0 - share) / ends[1]))
    uneven = smooth_noise(rng, (1, count), (1.0, max(2.0, count / 6)))[0]
    skips = rng.uniform(0.0, 0.5)
    weights: Weights = np.clip(pressure * (1.0 + skips * uneven), 0.0, 1.0) ** 0.7
    return weights


def _tapered(rng: np.random.Generator, count: int) -> Weights:
    """How wide a crack gapes along its path: it opens somewhere and closes at its ends."""
    share = np.linspace(0.0, 1.0, count)
    widest = rng.uniform(0.1, 0.9)
    gape = 1.0 - np.abs(share - widest) / max(widest, 1.0 - widest)
    uneven = smooth_noise(rng, (1, count), (1.0, 3.0))[0]
    weights: Weights = np.clip(0.3 + 0.7 * np.sqrt(gape) + 0.15 * uneven, 0.15, 1.0)
    return weights


def _framed(paths: list[Path], margin: float) -> tuple[list[Path], tuple[int, int]]:
    """Paths moved into the smallest window that holds them, and its size."""
    low = np.min([path.min(axis=0) for path in paths], axis=0) - margin
    high = np.max([path.max(axis=0) for path in paths], axis=0) + margin
    width, height = (int(side) for side in np.ceil(high - low))
    return [path - low for path in paths], (height, width)


def _drawn(paths: list[Path], weights: list[Weights], size: tuple[int, int], width: float) -> Field:
    """Lines of a bell-shaped profile, 1 where a path has weight 1.

    Args:
        paths: in the window.
        weights: 0-1, for each point of each path.
        size: of the window.
        width: standard deviation of the profile, in pixels.
    """
    canvas = np.zeros(size, dtype=np.uint8)
    for path, weight in zip(paths, weights, strict=True):
        points = np.rint(path * 2**_SUBPIXEL).astype(int)
        tones = np.rint(255.0 * (weight[1:] + weight[:-1]) / 2.0)
        for start, end, tone in zip(points[:-1], points[1:], tones, strict=True):
            cv2.line(canvas, start, end, float(tone), 1, cv2.LINE_AA, _SUBPIXEL)
    profile = blurred(canvas.astype(np.float32) / 255.0, width * 0.6 + 0.25)
    drawn: Field = profile / np.float32(max(float(profile.max()), 1e-6))
    return drawn
