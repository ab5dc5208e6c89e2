"""Real defects moved onto good parts, so that each is seen on more metal than it was found on.

A line has many good parts and few defects, and the few were found on fewer parts still. Pasting
labelled defects onto other pictures (Ghiasi et al. 2021, "Simple Copy-Paste") multiplies the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.masks import components
from flawscope.train.supervision import CLEAN, DEFECT
from flawscope.values import Box

Pixels = NDArray[np.uint8]
Places = Sequence[NDArray[np.uint8]]
Bools = NDArray[np.bool_]

_RIM = 4
"""Pixels around a defect that come with it, and fade into the host."""
_AROUND = 12
"""Pixels around a defect by which the light on both parts is compared."""
_LARGEST_SHARE = 0.4
"""A defect that is longer than this share of a host's side stays where it is."""
_GAIN = 2.5
_DECOYS = 0.25
"""Share of transplants of clean metal: a seam must not come to mean a defect."""


class _Graft(NamedTuple):
    """A piece of a donor's picture, and what is known of its pixels."""

    image: Pixels
    places: NDArray[np.uint8]
    sides: tuple[bool, bool, bool, bool]
    """Whether it reaches the donor's left, top, right and bottom border."""

    @property
    def shape(self) -> Bools:
        """Where the defect is."""
        found: Bools = self.places[0] == DEFECT
        return found

    def flipped(self, across: bool, down: bool) -> _Graft:
        """Mirrored left-right, up-down, both or neither."""
        left, top, right, bottom = self.sides
        step_y, step_x = (-1 if down else 1), (-1 if across else 1)
        return _Graft(
            self.image[::step_y, ::step_x],
            self.places[:, ::step_y, ::step_x],
            (
                right if across else left,
                bottom if down else top,
                left if across else right,
                top if down else bottom,
            ),
        )


def transplant(
    host: Pixels, donor: Pixels, places: Places, rng: np.random.Generator
) -> tuple[Pixels, tuple[NDArray[np.uint8], ...]] | None:
    """A good part with one of another part's defects, and what is then known of it.

    The defect keeps its size and comes in the host's light. One that lies at a border of its
    picture comes to lie at the same border of the host's. Now and then clean metal is moved
    instead.

    Args:
        host: RGB uint8 (height, width, 3) of a part that is clean throughout; left as it is.
        donor: RGB uint8 of a part with defects, of any size.
        places: of the donor, as of ``supervision.places``.
        rng: the only source of chance.

    Returns:
        The new picture and its places; ``None`` if the donor has no defect that the host has
        room for.
    """
    pieces = components(places[0] == DEFECT)
    if not pieces:
        return None
    box = _widened(pieces[rng.integers(len(pieces))].box, _AROUND, donor.shape[:2])
    if not _has_room(box, host.shape[:2]):
        return None
    mirrored = rng.random() < 0.5, rng.random() < 0.5
    graft = _cut(donor, places, box).flipped(*mirrored)
    shape = graft.shape
    if rng.random() < _DECOYS:
        elsewhere = _clean_box(places, box, rng)
        if elsewhere is None:
            return None
        graft = _cut(donor, places, elsewhere)._replace(sides=(False,) * 4)
    top, left = _spot(graft, host.shape[:2], rng)
    area = np.s_[top : top + shape.shape[0], left : left + shape.shape[1]]
    image = host.copy()
    image[area] = _blended(host[area], graft.image, shape)
    clean = np.full(host.shape[:2], CLEAN, dtype=np.uint8)
    known = []
    for channel in graft.places:
        moved = np.where(shape, channel, CLEAN)
        known.append(clean if (moved == CLEAN).all() else clean.copy())
        if known[-1] is not clean:
            known[-1][area] = moved
    return image, tuple(known)


def _widened(box: Box, margin: int, size: tuple[int, int]) -> Box:
    return Box(
        max(box.left - margin, 0),
        max(box.top - margin, 0),
        min(box.right + margin, size[1]),
        min(box.bottom + margin, size[0]),
    )


def _has_room(box: Box, size: tuple[int, int]) -> bool:
    return box.height <= _LARGEST_SHARE * size[0] and box.width <= _LARGEST_SHARE * size[1]


def _cut(image: Pixels, places: Places, box: Box) -> _Graft:
    area = np.s_[box.top : box.bottom, box.left : box.right]
    height, width = image.shape[:2]
    sides = (box.left == 0, box.top == 0, box.right == width, box.bottom == height)
    return _Graft(image[area], np.stack([channel[area] for channel in places]), sides)


def _clean_box(places: Places, like: Box, rng: np.random.Generator) -> Box | None:
    """A box of the same size in which no channel shows anything, if a few tries find one."""
    height, width = places[0].shape
    for _ in range(8):
        left = int(rng.integers(width - like.width + 1))
        top = int(rng.integers(height - like.height + 1))
        box = Box(left, top, left + like.width, top + like.height)
        if not places[0][box.top : box.bottom, box.left : box.right].any():
            return box
    return None


def _spot(graft: _Graft, size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """Top and left of the place that it comes to."""
    left, top, right, bottom = graft.sides
    rows, columns = (
        room - length for room, length in zip(size, graft.image.shape[:2], strict=True)
    )
    down = 0 if top else rows if bottom else int(rng.integers(rows + 1))
    across = 0 if left else columns if right else int(rng.integers(columns + 1))
    return down, across


def _blended(host: Pixels, graft: Pixels, shape: Bools) -> Pixels:
    """The graft in the host's light, fading into it around the defect."""
    kernel = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    core = cv2.dilate(shape.astype(np.uint8), kernel)
    weight = cv2.GaussianBlur(core.astype(np.float32), (0, 0), _RIM / 2)
    weight = np.maximum(weight, shape.astype(np.float32))[:, :, None]
    around = core == 0
    if not around.any():
        around = ~shape if not shape.all() else np.ones_like(shape)
    gain = np.clip(
        (host[around].mean(axis=0) + 1.0) / (graft[around].mean(axis=0) + 1.0), 1 / _GAIN, _GAIN
    )
    mixed = host * (1.0 - weight) + graft * gain.astype(np.float32) * weight
    return np.asarray(np.clip(mixed + 0.5, 0.0, 255.0), dtype=np.uint8)
