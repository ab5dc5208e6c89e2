"""Defects that are areas: pits, dents, inclusions, stains and chips."""

from __future__ import annotations

import math

import numpy as np

from flawscope.synth.marks import Mark, mark
from flawscope.synth.noise import (
    blurred,
    chance,
    log_uniform,
    ragged_blob,
    smooth_noise,
    soft_step,
    streaks,
    warped,
)

_RUST = np.array([-0.25, -0.7, -1.2])
_BLUE = np.array([-0.9, -0.7, -0.45])
_GREY = np.array([-1.0, -1.0, -1.0])


def pit(rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """A corroded or blown hole, or a cluster of them: steep, rough and dark inside."""
    reach = min(size)
    radius = log_uniform(rng, 1.3, max(2.0, reach * 0.05))
    many = chance(rng, 0.3)
    spread = radius * rng.uniform(3.0, 8.0) if many else 0.0
    side = _odd(2.0 * (radius * 2.2 + spread) + 8.0, reach * 1.2)
    inside = np.full((side, side), -9.0, dtype=np.float32)
    for _ in range(int(rng.integers(3, 16)) if many else 1):
        own = radius * (rng.uniform(0.35, 1.0) if many else 1.0)
        radii = (own * rng.uniform(1.0, 1.7), own)
        window = min(_odd(4.0 * radii[0] + 6.0, side), side)
        blob = ragged_blob(rng, (window, window), radii, along + rng.normal(0.0, 1.0), 0.2)
        far = (side - window) // 2
        top, left = (int(np.clip(rng.normal(0, spread / 2.2), -far, far)) + far for _ in "yx")
        place = inside[top : top + window, left : left + window]
        np.maximum(place, blob, out=place)
    hole = soft_step(inside, -0.1, 0.5)
    rough = smooth_noise(rng, hole.shape, 1.6)
    rim = blurred(hole, radius * 0.4 + 0.6) * (1.0 - hole)
    halo = blurred(hole, radius * 1.1) * (1.0 - hole)
    dark = log_uniform(rng, 0.7, 2.6)
    corroded = rng.uniform(0.0, 0.6) if chance(rng, 0.4) else 0.0
    colour = _RUST if chance(rng, 0.5) else _GREY
    shade = (dark * (1.0 + 0.15 * rough) * hole)[:, :, None] * _GREY
    shade = shade + (corroded * (halo + 0.4 * hole))[:, :, None] * colour
    return mark(
        height=radius * (log_uniform(rng, 0.2, 0.9) * (-hole + rng.uniform(0.0, 0.5) * rim))
        + 0.12 * rough * hole,
        shade=shade,
        matte=rng.uniform(0.2, 0.6) * hole,
        core=hole > 0.4,
    )


def dent(rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """A knock that pushed the metal in: smooth, its texture carried along."""
    reach = min(size)
    radius = log_uniform(rng, 3.0, max(4.0, reach * 0.16))
    radii = (min(radius * log_uniform(rng, 1.0, 2.5), reach * 0.36), radius)
    side = _odd(3.2 * radii[0] + 8.0, reach * 1.2)
    blob = ragged_blob(rng, (side, side), radii, along + rng.normal(0.0, 1.5), 0.12)
    soft = blurred(blob, radius * 0.18 + 0.5)
    bowl = soft_step(soft, rng.uniform(-0.3, 0.0), rng.uniform(0.6, 1.1))
    rim = blurred(bowl, radius * 0.3 + 0.5) - bowl
    depth = log_uniform(rng, 0.08, 0.55) * radius
    bruise = rng.uniform(0.0, 0.3) if chance(rng, 0.4) else 0.0
    return mark(
        height=depth * (rng.uniform(0.2, 0.9) * np.maximum(rim, 0.0) - bowl),
        shade=-bruise * bowl,
        matte=rng.uniform(0.0, 0.4) * bowl,
        core=bowl > 0.3,
    )


def inclusion(rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """Slag or scale rolled in: flakes drawn out along the grain, of another tone, ragged."""
    reach = min(size)
    length = log_uniform(rng, max(4.0, reach * 0.025), max(6.0, reach * 0.3))
    slender = log_uniform(rng, 1.2, 7.0)
    radii = (length, max(1.3, length / slender))
    angle = along + rng.normal(0.0, 0.06)
    side = _odd(3.0 * radii[0] + 10.0, reach * 1.3)
    whole = ragged_blob(rng, (side, side), (radii[0] * 1.2, radii[1] * 1.3), angle, 0.15)
    flakes = streaks(rng, (side, side), angle, max(1.2, radii[1] * 0.35), max(3.0, length * 0.35))
    broken = rng.uniform(0.15, 0.6)
    flake = soft_step(whole + broken * (flakes - 0.2), 0.15, 0.4)
    grit = smooth_noise(rng, flake.shape, 1.3)
    dark = chance(rng, 0.8)
    tone = log_uniform(rng, 0.15, 1.3) if dark else -log_uniform(rng, 0.1, 0.4)
    colour = _RUST if dark and chance(rng, 0.15) else _GREY
    relief = rng.uniform(0.0, 0.5) * rng.choice([-1.0, 1.0])
    return mark(
        height=relief * flake + rng.uniform(0.0, 0.25) * grit * flake,
        shade=(tone * flake * (1.0 + rng.uniform(0.0, 0.3) * grit))[:, :, None] * colour,
        matte=rng.uniform(0.3, 1.0) * flake,
        core=flake > 0.5,
    )


def stain(rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """Something dried or oxidised on the surface: its texture stays, its tone changes."""
    reach = min(size)
    radius = log_uniform(rng, max(3.0, reach * 0.03), max(5.0, reach * 0.25))
    radii = (min(radius * log_uniform(rng, 1.0, 2.2), reach * 0.38), radius)
    angle = along if chance(rng, 0.5) else rng.uniform(0.0, math.pi)
    side = _odd(2.9 * radii[0] + 8.0, reach * 1.2)
    blob = ragged_blob(rng, (side, side), radii, angle, rng.uniform(0.1, 0.35))
    edge = log_uniform(rng, 0.12, 0.9)
    film = soft_step(blob, 0.0, edge)
    core = film > 0.35
    if chance(rng, 0.4):
        # A drop dries from its middle outwards and leaves most at its rim.
        ring = soft_step(blob, 0.0, 0.12) * (1.0 - soft_step(blob, 0.12, 0.4))
        film *= np.float32(rng.uniform(0.3, 0.8))
        film += np.float32(rng.uniform(0.3, 0.8)) * ring
    cloudy = smooth_noise(rng, film.shape, max(2.0, radius * 0.3))
    fine = smooth_noise(rng, film.shape, 1.5)
    uneven = 1.0 + rng.uniform(0.0, 0.35) * cloudy + rng.uniform(0.0, 0.2) * fine
    film = np.asarray(film * np.clip(uneven, 0.0, 2.0), dtype=np.float32)
    tone = log_uniform(rng, 0.12, 0.9) * (1.0 if chance(rng, 0.88) else -0.3)
    colour = (_GREY, _GREY, _RUST, _BLUE)[int(rng.integers(4))]
    return mark(
        height=np.zeros_like(film),
        shade=(tone * film)[:, :, None] * colour,
        matte=np.clip(rng.uniform(0.0, 0.5) * film, 0.0, 1.0),
        core=core,
    )


def chip(rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """Metal broken off at an edge through the middle of the window; ``along`` points inwards.

    The fracture falls away towards the edge, in one shell or a few, its surface rough and bare.
    """
    reach = min(size)
    depth = log_uniform(rng, 2.5, max(4.0, reach * 0.13))
    length = depth * log_uniform(rng, 0.8, 3.5)
    side = _odd(2.6 * max(depth * 1.6, length) + 10.0, reach * 1.2)
    canvas = (side, side)
    inward = np.array([math.cos(along), math.sin(along)])
    inside = np.full(canvas, -9.0, dtype=np.float32)
    for shell in range(int(rng.integers(1, 4))):
        share = 1.0 if shell == 0 else rng.uniform(0.4, 0.8)
        radii = (depth * share, length * share * 0.6)
        blob = ragged_blob(rng, canvas, radii, along + rng.normal(0.0, 0.2), 0.16)
        aside = 0.0 if shell == 0 else rng.uniform(-0.5, 0.5) * length
        move = np.array([[1.0, 0.0, aside * inward[1]], [0.0, 1.0, -aside * inward[0]]])
        inside = np.maximum(inside, warped(blob, move, canvas))
    centred = np.arange(side, dtype=np.float32) - (side - 1) / 2
    depths = (centred[None, :] * inward[0] + centred[:, None] * inward[1]) / depth
    face = soft_step(inside, -0.03, 0.12)
    rough = smooth_noise(rng, canvas, max(1.5, depth * rng.uniform(0.15, 0.5)))
    fine = smooth_noise(rng, canvas, 1.4)
    fall = np.maximum(inside, 0.0) * depth
    low = rng.uniform(0.3, 1.0)
    gone = soft_step(inside - depths + 0.1 * rough, low, low + 0.15)
    bare = rng.uniform(-0.9, 0.4)
    return mark(
        height=(-log_uniform(rng, 0.4, 1.3) * fall + 0.3 * rough + 0.08 * fine) * face,
        shade=(bare + 0.12 * fine + 0.1 * rough) * face,
        matte=face,
        lost=gone * face,
        core=face > 0.5,
    )


def _odd(side: float, most: float) -> int:
    """A window's side: odd, so that it has a middle, and no larger than the picture needs."""
    return max(7, int(min(side, most))) // 2 * 2 + 1
