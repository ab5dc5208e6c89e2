"""Whole parts, good and defective, each from a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.errors import FlawscopeError
from flawscope.masks import components, encode
from flawscope.synth.fittings import fitted
from flawscope.synth.light import (
    Camera,
    Colours,
    Light,
    Surface,
    developed,
    draw_camera,
    draw_light,
    noisy,
    radiance,
    slopes,
)
from flawscope.synth.marks import Mark, marked
from flawscope.synth.noise import blurred
from flawscope.synth.planting import (
    DEFECTS,
    SMALLEST_SIDE,
    TRIES,
    draw_mark,
    evident,
    overlap,
    shown,
)
from flawscope.synth.surfaces import SURFACES, draw_surface
from flawscope.values import Box, Defect, Size

DEFAULT_SIZE = Size(256, 256)


@dataclass(frozen=True, slots=True)
class Part:
    """A rendered photograph of one part, and what is wrong with it.

    Attributes:
        image: RGB ``uint8`` (height, width, 3).
        defects: one for each 8-connected piece of each kind, with its exact mask.
        surface: which of ``SURFACES`` it has.
        seed: it was rendered from.
    """

    image: NDArray[np.uint8]
    defects: tuple[Defect, ...]
    surface: str
    seed: int


@dataclass(frozen=True, slots=True)
class _Scene:
    surface: Surface
    light: Light
    camera: Camera


def render(
    seed: int,
    *,
    surface: str | None = None,
    defects: Sequence[str] | None = None,
    size: tuple[int, int] = DEFAULT_SIZE,
) -> Part:
    """A part under a camera. The same arguments give the same pixels.

    The part, its light, its camera and the sensor's noise depend on ``seed``, ``surface`` and
    ``size`` alone, so that a part can be rendered with and without its defects.

    Args:
        seed: 0 or more; decides everything that is not named.
        surface: one of ``SURFACES``; drawn where ``None``.
        defects: kinds of ``DEFECTS``, one entry a defect; ``()`` is a good part; drawn where
            ``None``, good two times in five.
        size: (height, width), each at least 16.

    Raises:
        FlawscopeError: the seed is negative, a name is unknown, or the size is too small.
    """
    _check(seed, surface, size)
    choices, looks, noise = (np.random.default_rng([seed, stream]) for stream in range(3))
    drawn = SURFACES[int(choices.integers(len(SURFACES)))]
    surface = drawn if surface is None else surface
    if defects is None:
        defects = _draw_kinds(choices)
    scene, seen = _draw_scene(surface, looks, size)
    found = []
    for number, kind in enumerate(defects):
        seen, mask = _planted(scene, seen, kind, np.random.default_rng([seed, 3, number]))
        found += [(kind, piece) for piece in components(mask)]
    image = noisy(developed(seen, scene.camera), scene.camera, noise)
    truth = []
    for kind, piece in found:
        whole = np.zeros(size, dtype=bool)
        box = piece.box
        whole[box.top : box.bottom, box.left : box.right] = piece.pixels
        truth.append(Defect(kind, box, encode(whole)))
    return Part(image, tuple(truth), surface, seed)


def _check(seed: int, surface: str | None, size: tuple[int, int]) -> None:
    if seed < 0:
        raise FlawscopeError(f"the seed {seed} is negative", remedy="Give 0 or more")
    if surface is not None and surface not in SURFACES:
        raise FlawscopeError(
            f"no surface is called {surface!r}", remedy=f"Choose from {', '.join(SURFACES)}"
        )
    if min(size) < SMALLEST_SIDE:
        raise FlawscopeError(
            f"{size[1]} x {size[0]} pixels are too few for a part",
            remedy=f"Give at least {SMALLEST_SIDE} a side",
        )


def _draw_kinds(rng: np.random.Generator) -> tuple[str, ...]:
    """None two times in five, else one, seldom two or three."""
    count = int(rng.choice(4, p=[0.4, 0.4, 0.15, 0.05]))
    return tuple(str(kind) for kind in rng.choice(DEFECTS, count))


def _draw_scene(
    surface: str, rng: np.random.Generator, size: tuple[int, int]
) -> tuple[_Scene, Colours]:
    """A good part, its light and its camera, and what there is to see."""
    metal = fitted(draw_surface(surface, rng, size), rng)
    light = draw_light(rng, size)
    seen = radiance(metal, light)
    return _Scene(metal, light, draw_camera(rng, seen, metal.solid)), seen


def _planted(
    scene: _Scene, seen: Colours, kind: str, rng: np.random.Generator
) -> tuple[Colours, NDArray[np.bool_]]:
    """What there is to see with one more defect, and the pixels that show it.

    A defect that cannot be made out where it fell is cut deeper, and then moved.
    """
    size = (seen.shape[0], seen.shape[1])
    best = seen, np.zeros(size, dtype=bool)
    for _ in range(TRIES):
        middle, along = _place(scene, kind, rng)
        mark, box = overlap(draw_mark(kind, rng, size, along), middle, size)
        piece, clear = _cut_in(scene, seen, mark, box)
        if clear or piece[1].sum() > best[1].sum():
            window = np.s_[box.top : box.bottom, box.left : box.right]
            best = seen.copy(), np.zeros(size, dtype=bool)
            best[0][window], best[1][window] = piece
        if clear:
            break
    return best


def _cut_in(
    scene: _Scene, seen: Colours, mark: Mark, box: Box
) -> tuple[tuple[Colours, NDArray[np.bool_]], bool]:
    """A mark on a piece of the part: what is seen there, its mask, and whether it is clear."""
    corner = (box.left, box.top)
    metal = scene.surface.cut(box)
    bare = np.maximum(radiance(metal, scene.light, corner), 1e-6)
    here = seen[box.top : box.bottom, box.left : box.right]
    before = developed(here, scene.camera, corner)
    for _ in range(TRIES):
        # As a ratio, so that it also holds where another defect lies already.
        gain = np.asarray(
            radiance(marked(metal, mark), scene.light, corner) / bare, dtype=np.float32
        )
        changed = here * gain
        after = developed(changed, scene.camera, corner)
        mask = shown(before, after, mark.core & (metal.solid > 0.5))
        if evident(before, after, mask):
            return (changed, mask), True
        mark = mark.stronger(1.5)
    return (changed, mask), False


def _place(scene: _Scene, kind: str, rng: np.random.Generator) -> tuple[tuple[int, int], float]:
    """(x, y) on the metal and its grain's angle; for a chip, on its edge and the way inwards."""
    metal = scene.surface
    solid = metal.solid > 0.5
    if kind == "chip":
        return _edge_place(solid, rng)
    rows, columns = np.nonzero(solid)
    at = int(rng.integers(rows.size))
    row, column = int(rows[at]), int(columns[at])
    along = math.atan2(metal.grain[1][row, column], metal.grain[0][row, column])
    return (column, row), along


def _edge_place(
    solid: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[tuple[int, int], float]:
    """(x, y) on the metal's edge, where there is one in the picture, else on the picture's."""
    framed = np.pad(solid.astype(np.uint8), 1, mode="edge")
    edge = solid & (cv2.erode(framed, np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    if not edge.any():
        framed = np.pad(solid.astype(np.uint8), 1)
        edge = solid & (cv2.erode(framed, np.ones((3, 3), np.uint8))[1:-1, 1:-1] == 0)
    rows, columns = np.nonzero(edge)
    at = int(rng.integers(rows.size))
    row, column = int(rows[at]), int(columns[at])
    depth = blurred(framed.astype(np.float32), 4.0)
    across, down = slopes(depth)
    return (column, row), math.atan2(down[row + 1, column + 1], across[row + 1, column + 1])
