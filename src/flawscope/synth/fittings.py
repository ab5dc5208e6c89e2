"""What good parts carry besides their texture: edges, drilled holes, print, sheen and dust."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from flawscope.synth.light import Surface
from flawscope.synth.noise import Field, chance, log_uniform, smooth_noise, soft_step

_Size = tuple[int, int]


def fitted(surface: Surface, rng: np.random.Generator) -> Surface:
    """A surface with whatever a good part happens to have; a shaft has no round outline."""
    if chance(rng, 0.15):
        surface = _printed(surface, rng)
    if chance(rng, 0.3):
        surface = _oiled(surface, rng)
    if chance(rng, 0.3):
        surface = _dusted(surface, rng)
    size = _size(surface)
    flat = not (np.any(surface.tilt[0][0]) or np.any(surface.tilt[1][:, 0]))
    if chance(rng, 0.4):
        backdrop = smooth_noise(rng, size, max(size) / 3.0)
        surface = replace(
            surface, behind=surface.behind * np.exp(np.float32(0.2) * backdrop)[:, :, None]
        )
        surface = _bounded(surface, _outline(rng, size, may_be_round=flat), rng)
    if min(size) >= 64 and chance(rng, 0.18):
        for _ in range(int(rng.integers(1, 4))):
            surface = _drilled(surface, rng)
    return surface


def _size(surface: Surface) -> _Size:
    rows, columns = surface.height.shape
    return rows, columns


def _bounded(surface: Surface, inside: Field, rng: np.random.Generator) -> Surface:
    """The metal ends where ``inside`` (pixels from the edge inwards) is 0; its edge is broken."""
    width = log_uniform(rng, 1.0, 7.0)
    steep = rng.uniform(0.15, 1.2)
    broken = np.maximum(np.float32(width) - inside, 0.0)
    return replace(
        surface,
        height=surface.height - np.float32(steep) * np.minimum(broken, np.float32(2 * width)),
        solid=surface.solid * soft_step(inside, -0.6, 0.6),
    )


def _outline(rng: np.random.Generator, size: _Size, *, may_be_round: bool) -> Field:
    """Pixels from the part's edge inwards: a disc, or one to four straight sides."""
    rows, columns = size
    x = np.arange(columns, dtype=np.float32)[None, :] - (columns - 1) / 2
    y = np.arange(rows, dtype=np.float32)[:, None] - (rows - 1) / 2
    if may_be_round and chance(rng, 0.25):
        radius = min(size) * log_uniform(rng, 0.42, 0.9)
        centre = rng.normal(0.0, 0.05, size=2) * min(size) * (radius / min(size)) ** 2
        return np.float32(radius) - np.sqrt(
            (x - np.float32(centre[0])) ** 2 + (y - np.float32(centre[1])) ** 2
        )
    inside = np.full(size, 1e4, dtype=np.float32)
    tilt = rng.normal(0.0, 0.03)
    for side in rng.permutation(4)[: int(rng.integers(1, 5))]:
        angle = int(side) * math.pi / 2 + tilt
        half = (columns if side % 2 == 0 else rows) / 2
        gap = half * (1.0 - abs(rng.normal(0.0, 0.12)) - 0.02)
        away = np.float32(math.cos(angle)) * x + np.float32(math.sin(angle)) * y
        inside = np.minimum(inside, np.float32(gap) - away)
    return inside


def _drilled(surface: Surface, rng: np.random.Generator) -> Surface:
    """A surface with a hole drilled through it, its wall dark, its rim chamfered."""
    rows, columns = _size(surface)
    radius = min(rows, columns) * log_uniform(rng, 0.03, 0.12)
    x = np.arange(columns, dtype=np.float32)[None, :] - np.float32(rng.uniform(0, columns))
    y = np.arange(rows, dtype=np.float32)[:, None] - np.float32(rng.uniform(0, rows))
    distance = np.sqrt(x * x + y * y)
    lit = np.float32(rng.uniform(-1.0, 1.0)) * x + np.float32(rng.uniform(-1.0, 1.0)) * y
    wall = np.float32(0.03) + np.float32(0.1) * np.clip(lit / np.float32(radius), 0.0, 1.0)
    inside = (distance < radius + 2)[:, :, None]
    behind = np.where(inside, wall[:, :, None], surface.behind)
    return _bounded(replace(surface, behind=behind), distance - np.float32(radius), rng)


def _printed(surface: Surface, rng: np.random.Generator) -> Surface:
    """A surface with a worn stripe or number printed on it."""
    rows, columns = _size(surface)
    ink = np.zeros((rows, columns), dtype=np.uint8)
    if chance(rng, 0.5):
        width = max(2, int(min(rows, columns) * log_uniform(rng, 0.02, 0.12)))
        start = int(rng.integers(max(rows, columns)))
        if chance(rng, 0.5):
            ink[start % rows :][:width] = 255
        else:
            ink[:, start % columns :][:, :width] = 255
    else:
        text = "".join(rng.choice(list("0123456789ABCEHKLMPRSTX-"), int(rng.integers(2, 8))))
        scale = max(0.3, min(rows, columns) / 256 * log_uniform(rng, 0.5, 2.0))
        corner = (int(rng.integers(columns * 3 // 4)), int(rng.integers(rows // 4, rows)))
        thickness = max(1, int(scale * rng.uniform(1.0, 3.0)))
        cv2.putText(ink, text, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    worn = soft_step(
        smooth_noise(rng, (rows, columns), log_uniform(rng, 4, 30))
        + 0.4 * smooth_noise(rng, (rows, columns), 1.0),
        -3.0,
        rng.uniform(-1.0, 2.0),
    )
    tone = (-1.0 if chance(rng, 0.7) else 0.5) * log_uniform(rng, 0.15, 1.0)
    factor = np.exp(np.float32(tone) * worn * (ink.astype(np.float32) / 255.0))
    return replace(surface, albedo=surface.albedo * factor[:, :, None])


def _oiled(surface: Surface, rng: np.random.Generator) -> Surface:
    """A surface with a film of oil: a little darker, faintly coloured, fading out everywhere."""
    size = _size(surface)
    film = soft_step(smooth_noise(rng, size, max(size) / log_uniform(rng, 1.2, 3.0)), -1.0, 2.0)
    colour = rng.normal(0.0, 0.4, size=3) - 1.0
    tone = (np.float32(rng.uniform(0.03, 0.15)) * film)[:, :, None] * colour.astype(np.float32)
    return replace(surface, albedo=surface.albedo * np.exp(tone))


def _dusted(surface: Surface, rng: np.random.Generator) -> Surface:
    """A surface with specks of dust, each smaller than anything that is called a defect."""
    rows, columns = _size(surface)
    albedo = surface.albedo.copy()
    for _ in range(int(rng.integers(1, 20))):
        row, column = int(rng.integers(rows)), int(rng.integers(columns))
        speck = albedo[row : row + 1, column : column + int(rng.integers(1, 3))]
        speck *= np.float32(math.exp(rng.uniform(-0.6, 0.3)))
    return replace(surface, albedo=albedo)
