"""Metal as machines leave it: rolled, brushed, turned, faced, ground, cast, blasted.

Each texture is a height map with a grain, so that lamps show it the way they show metal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from flawscope.synth.light import Surface
from flawscope.synth.noise import (
    Field,
    chance,
    log_uniform,
    smooth_noise,
    soft_step,
    streaks,
)

_Size = tuple[int, int]


def draw_surface(kind: str, rng: np.random.Generator, size: _Size) -> Surface:
    """A surface that fills a picture of (height, width), before edges, holes and dirt."""
    return _DRAW[kind](rng, size)


def _rolled(rng: np.random.Generator, size: _Size) -> Surface:
    """Rolled strip: a fine dull skin, faint lines and bands along it, cloudy oxide."""
    angle = _direction(rng)
    skin = smooth_noise(rng, size, rng.uniform(1.0, 2.0))
    lines = streaks(rng, size, angle, rng.uniform(1.0, 2.5), log_uniform(rng, 30, 200))
    bands = streaks(rng, size, angle, log_uniform(rng, 8, 50), 800)
    cloud = smooth_noise(rng, size, (log_uniform(rng, 8, 40), log_uniform(rng, 8, 40)))
    specks = smooth_noise(rng, size, rng.uniform(1.5, 4.0))
    tone = (
        log_uniform(rng, 0.01, 0.1) * cloud
        + log_uniform(rng, 0.01, 0.1) * bands
        + log_uniform(rng, 0.01, 0.06) * specks
        + log_uniform(rng, 0.01, 0.05) * lines
    )
    height = log_uniform(rng, 0.02, 0.15) * skin + log_uniform(rng, 0.01, 0.12) * lines
    spread = log_uniform(rng, 0.15, 0.5)
    return _flat(rng, size, height, tone, angle, (spread, spread * rng.uniform(1.0, 1.6)))


def _brushed(rng: np.random.Generator, size: _Size) -> Surface:
    """Brushed plate: fine grooves one beside the other, some deep, lengths of all sorts."""
    angle = _direction(rng)
    length = log_uniform(rng, 20, 150)
    fine = streaks(rng, size, angle, 1.0, length)
    middling = streaks(rng, size, angle, rng.uniform(1.5, 2.5), length * 1.7)
    broad = streaks(rng, size, angle, log_uniform(rng, 5, 25), length * 4.0)
    deep = np.maximum(middling - 1.6, 0.0)
    strength = log_uniform(rng, 0.03, 0.3)
    height = strength * (fine + 0.7 * middling - 1.5 * deep) + 0.2 * strength * broad
    tone = log_uniform(rng, 0.01, 0.08) * fine + log_uniform(rng, 0.01, 0.08) * broad
    spread = (log_uniform(rng, 0.06, 0.15), log_uniform(rng, 0.2, 0.5))
    return _flat(rng, size, height, tone, angle, spread)


def _ground(rng: np.random.Generator, size: _Size) -> Surface:
    """Ground plate: short strokes in two or three directions, crossing."""
    angle = _direction(rng)
    height = np.zeros(size, dtype=np.float32)
    for _ in range(int(rng.integers(2, 5))):
        aside = angle + rng.normal(0.0, 0.08)
        strokes = streaks(rng, size, aside, rng.uniform(1.0, 1.3), log_uniform(rng, 20, 120))
        where = soft_step(smooth_noise(rng, size, log_uniform(rng, 12, 60)), -1.5, 0.8)
        height += strokes * where
    height *= log_uniform(rng, 0.04, 0.25)
    tone = log_uniform(rng, 0.01, 0.06) * smooth_noise(rng, size, log_uniform(rng, 3, 30))
    spread = (log_uniform(rng, 0.1, 0.25), log_uniform(rng, 0.2, 0.5))
    return _flat(rng, size, height, tone, angle, spread)


def _blasted(rng: np.random.Generator, size: _Size) -> Surface:
    """Blasted or etched plate: tiny craters everywhere, dull from every side."""
    scale = log_uniform(rng, 1.0, 2.8)
    height = smooth_noise(rng, size, scale) + 0.5 * smooth_noise(rng, size, scale * 2.2)
    height *= log_uniform(rng, 0.05, 0.3) * scale
    tone = log_uniform(rng, 0.01, 0.06) * smooth_noise(rng, size, log_uniform(rng, 2, 40))
    spread = log_uniform(rng, 0.3, 0.7)
    return _flat(rng, size, height, tone, rng.uniform(0.0, math.pi), (spread, spread))


def _cast(rng: np.random.Generator, size: _Size) -> Surface:
    """Cast surface: the lumps of the mould at every scale, sandy, dull, unevenly dark."""
    scale = log_uniform(rng, 1.5, 5.0)
    height = np.zeros(size, dtype=np.float32)
    for octave in range(4):
        share = rng.uniform(0.4, 1.0) * 1.8**octave
        height += share * smooth_noise(rng, size, scale * 2.0**octave)
    height *= log_uniform(rng, 0.06, 0.3) * scale / 3.0
    grit = smooth_noise(rng, size, rng.uniform(1.0, 2.0))
    tone = 0.04 * np.minimum(height, 0.0) + log_uniform(rng, 0.02, 0.1) * grit
    cloud = log_uniform(rng, 0.02, 0.12) * smooth_noise(rng, size, log_uniform(rng, 10, 60))
    spread = log_uniform(rng, 0.35, 0.8)
    return _flat(
        rng,
        size,
        height,
        np.asarray(tone + cloud, dtype=np.float32),
        rng.uniform(0.0, math.pi),
        (spread, spread),
    )


def _turned(rng: np.random.Generator, size: _Size) -> Surface:
    """Turned shaft across the picture: a cylinder with the tool's feed marks around it."""
    rows, columns = size
    upright = chance(rng, 0.5)
    across = columns if upright else rows
    radius = across * log_uniform(rng, 0.42, 2.5)
    centre = (across - 1) / 2 + rng.normal(0.0, 0.08) * across
    place = (np.arange(across, dtype=np.float32) - np.float32(centre)) / np.float32(radius)
    steep = np.asarray(-place / np.sqrt(np.maximum(1.0 - place * place, 0.02)), dtype=np.float32)
    length = rows if upright else columns
    around = _feed(rng, length)
    around_angle = 0.0 if upright else math.pi / 2
    ring = np.repeat(around[:, None] if upright else around[None, :], across, int(upright))
    wander = streaks(rng, size, around_angle, 1.0, log_uniform(rng, 40, 300))
    smear = streaks(rng, size, around_angle, log_uniform(rng, 2, 8), log_uniform(rng, 40, 400))
    height = ring + log_uniform(rng, 0.02, 0.15) * wander
    tone = log_uniform(rng, 0.01, 0.08) * smear
    spread = (log_uniform(rng, 0.08, 0.25), log_uniform(rng, 0.25, 0.6))
    flat = _flat(rng, size, height, tone, around_angle, spread)
    inside = soft_step(1.0 - np.abs(place), 0.0, 2.0 / radius)
    if upright:
        tilt = (np.broadcast_to(steep[None, :], size), _even(size, 0.0))
        solid = np.broadcast_to(inside[None, :], size)
    else:
        tilt = (_even(size, 0.0), np.broadcast_to(steep[:, None], size))
        solid = np.broadcast_to(inside[:, None], size)
    return replace(flat, tilt=tilt, solid=solid)


def _faced(rng: np.random.Generator, size: _Size) -> Surface:
    """Face turned on a lathe: rings around a centre that need not be in the picture."""
    rows, columns = size
    reach = max(size)
    centre_x = columns / 2 + rng.normal(0.0, 0.35) * reach
    centre_y = rows / 2 + rng.normal(0.0, 0.35) * reach
    x = np.arange(columns, dtype=np.float32)[None, :] - np.float32(centre_x)
    y = np.arange(rows, dtype=np.float32)[:, None] - np.float32(centre_y)
    distance = np.sqrt(x * x + y * y) + np.float32(0.5)
    profile = _feed(rng, int(distance.max()) + 2)
    low = distance.astype(np.int32)
    share = distance % np.float32(1.0)
    height = profile[low] * (1.0 - share) + profile[low + 1] * share
    pattern = smooth_noise(rng, (reach, reach), (1.0, log_uniform(rng, 30, 200)))
    height += log_uniform(rng, 0.01, 0.12) * _wound(pattern, distance, np.arctan2(y, x))
    tone = log_uniform(rng, 0.01, 0.06) * smooth_noise(rng, size, log_uniform(rng, 5, 40))
    spread = (log_uniform(rng, 0.06, 0.2), log_uniform(rng, 0.2, 0.5))
    flat = _flat(rng, size, height, tone, 0.0, spread)
    return replace(flat, grain=(-y / distance, x / distance))


def _wound(pattern: Field, distance: Field, turn: Field) -> Field:
    """A pattern (distance, turn) wound around a centre, mirrored half way round."""
    reach = pattern.shape[0] - 1
    rows = np.abs((distance + reach) % (2 * reach) - reach)
    columns = np.abs(turn) / math.pi * reach
    return np.asarray(
        cv2.remap(pattern, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR),
        dtype=np.float32,
    )


def _feed(rng: np.random.Generator, length: int) -> Field:
    """The tool's path in section: scallops one feed apart, of slightly different depths."""
    pitch = log_uniform(rng, 2.2, 12.0)
    place = np.arange(length, dtype=np.float32)
    jitter = smooth_noise(rng, (1, length), (1.0, pitch * 6))[0] * rng.uniform(0.0, 0.25)
    phase = (place / np.float32(pitch) + jitter) % 1.0 - 0.5
    depth = 1.0 + rng.uniform(0.1, 0.6) * smooth_noise(rng, (1, length), (1.0, pitch))[0]
    scallops = depth * phase * phase * log_uniform(rng, 0.1, 0.8) * pitch / 3.0
    rough = smooth_noise(rng, (1, length), (1.0, 1.0))[0] * log_uniform(rng, 0.01, 0.1)
    profile: Field = (scallops + rough).astype(np.float32)
    return profile


def _direction(rng: np.random.Generator) -> float:
    """Along a side of the picture, or nearly, as parts lie on a line; sometimes any way."""
    if chance(rng, 0.2):
        return rng.uniform(0.0, math.pi)
    return int(rng.integers(2)) * math.pi / 2 + rng.normal(0.0, 0.02)


def _even(size: _Size, value: float) -> Field:
    """The same value everywhere, which takes no room; not to be written to."""
    return np.broadcast_to(np.float32(value), size)


def _flat(
    rng: np.random.Generator,
    size: _Size,
    height: Field,
    tone: Field,
    angle: float,
    spread: tuple[float, float],
) -> Surface:
    """A flat surface of a texture; ``tone`` is the logarithm of its albedo, even part apart."""
    warmth = rng.normal(0.0, 0.02)
    if chance(rng, 0.1):
        warmth = rng.uniform(0.1, 0.35)
    colour = np.exp(warmth * np.array([1.0, 0.15, -1.3], dtype=np.float32))
    gloss = np.float32(1.0)
    if chance(rng, 0.5):
        patches = smooth_noise(rng, size, max(size) / log_uniform(rng, 1.5, 8.0))
        gloss = np.exp(rng.uniform(0.03, 0.25) * patches)
    albedo = (0.8 * np.exp(tone))[:, :, None] * colour
    dark = log_uniform(rng, 0.003, 0.6)
    return Surface(
        height.astype(np.float32),
        (_even(size, 0.0), _even(size, 0.0)),
        (_even(size, math.cos(angle)), _even(size, math.sin(angle))),
        (
            np.broadcast_to(gloss * np.float32(spread[0]), size),
            np.broadcast_to(gloss * np.float32(spread[1]), size),
        ),
        albedo.astype(np.float32),
        np.ones(size, dtype=np.float32),
        np.full((*size, 3), dark, dtype=np.float32),
    )


_DRAW: dict[str, Callable[[np.random.Generator, _Size], Surface]] = {
    "blasted": _blasted,
    "brushed": _brushed,
    "cast": _cast,
    "faced": _faced,
    "ground": _ground,
    "rolled": _rolled,
    "turned": _turned,
}

SURFACES = tuple(_DRAW)
"""The kinds of surface that can be drawn."""
