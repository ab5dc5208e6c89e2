"""Probability maps of overlapping tiles, put together without seams."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.fit.plan import Plan
from flawscope.masks import bounding_box
from flawscope.values import Box, Size

FAINT = 1.0 / 256.0
"""Less shows nothing: around the outermost pixels of a tile that reach it, all is kept as 0."""

_STEPS = 1 << 15
"""Probabilities are kept in so many steps: finer than engines agree, and a hundred times as quick
to come by as half precision, which NumPy rounds to one number at a time."""


_NOTHING = np.zeros((0, 0), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Piece:
    tile: Box
    area: Box  # the part of the whole map that ``values`` covers
    values: NDArray[np.uint16]  # in steps of 1 / _STEPS


_Ramps = dict[int, NDArray[np.float32]]
"""Weights down or across a tile, by the row or column it starts at."""


class Stitcher:
    """Collects tiles' probability maps by channel and gives each channel's whole map.

    Memory grows with what the tiles show, not with the picture times the channels: of a tile's
    channel only the box that holds anything is kept, in 16 bits. At worst, every channel
    alight everywhere, that is two bytes a pixel and channel, and a half more for the overlaps.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pieces: dict[str, list[_Piece]] = {}
        self._down = _ramps({(tile.top, tile.bottom) for tile in plan.tiles})
        self._across = _ramps({(tile.left, tile.right) for tile in plan.tiles})

    def add(self, tile: Box, maps: Mapping[str, NDArray[np.float32] | None]) -> None:
        """Takes one tile's maps.

        Args:
            tile: which of the plan's tiles they are of.
            maps: by channel, probabilities in [0, 1] (window height, window width), which are
                copied; ``None`` where no pixel is to be kept.
        """
        for channel, values in maps.items():
            self._pieces.setdefault(channel, []).append(_piece(tile, values))

    @property
    def size(self) -> Size:
        """Of the original image, and of every channel's map."""
        return self._plan.size

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that at least one tile was added to."""
        return tuple(self._pieces)

    def map(self, channel: str) -> NDArray[np.float32]:
        """A channel's probabilities over the original image: (height, width).

        Where tiles overlap, each counts by a weight that falls linearly to its border, so that no
        seam shows. Where no tile was added the probability is 0, and a tile without a neighbour
        stands for itself right up to its border.
        """
        box, values = self.alight(channel)
        whole = np.zeros(self._plan.size, dtype=np.float32)
        whole[box.slices] = values
        return whole

    def alight(self, channel: str) -> tuple[Box, NDArray[np.float32]]:
        """The part of ``map`` that is not 0: its box, and the probabilities inside.

        No pixel outside the box is touched.
        """
        pieces = self._pieces.get(channel, [])
        lit = np.array([piece.area for piece in pieces if piece.values.size])
        if not lit.size:
            return Box(0, 0, 0, 0), _NOTHING
        box = Box(*lit[:, :2].min(axis=0).tolist(), *lit[:, 2:].max(axis=0).tolist())
        if self._plan.scaled != self._plan.size:
            return self._scaled_back(pieces, box)
        return box, self._blended(pieces, box)

    def _scaled_back(self, pieces: list[_Piece], box: Box) -> tuple[Box, NDArray[np.float32]]:
        """A box of the scaled image, and a rim that it fades out in, in the original image."""
        size, scaled = self._plan.size, self._plan.scaled
        left, right, x, columns = _stretch(box.left, box.right, scaled.width, size.width)
        top, bottom, y, rows = _stretch(box.top, box.bottom, scaled.height, size.height)
        small = self._blended(pieces, Box(left, top, right, bottom))
        # Bilinear, between the middles of pixels, as cv2.resize does it to a whole picture.
        values = cv2.remap(
            small,
            *np.meshgrid(columns, rows),
            interpolation=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        place = Box(x, y, x + columns.size, y + rows.size)
        return place, np.asarray(values, dtype=np.float32)

    def _blended(self, pieces: list[_Piece], box: Box) -> NDArray[np.float32]:
        """Pieces put together over a box of the scaled image that holds them all."""
        total = np.zeros((box.height, box.width), dtype=np.float32)
        for piece in pieces:
            area, values = piece.area, piece.values * np.float32(1 / _STEPS)
            if not values.size:
                continue
            neighbours = [other.tile for other in pieces if _meet(other.tile, area)]
            if len(neighbours) > 1:
                own, weights = np.zeros_like(values), np.zeros_like(values)
                for tile in neighbours:
                    self._add_weights(weights, area, tile)
                self._add_weights(own, area, piece.tile)
                values *= own / weights
            top, left = area.top - box.top, area.left - box.left
            total[top : top + area.height, left : left + area.width] += values
        return total

    def _add_weights(self, weights: NDArray[np.float32], area: Box, tile: Box) -> None:
        """Adds a tile's weights, where it meets an area, to the weights over that area."""
        top, bottom = max(area.top, tile.top), min(area.bottom, tile.bottom)
        left, right = max(area.left, tile.left), min(area.right, tile.right)
        down = self._down[tile.top][top - tile.top : bottom - tile.top]
        across = self._across[tile.left][left - tile.left : right - tile.left]
        share = weights[top - area.top : bottom - area.top, left - area.left : right - area.left]
        share += down[:, None] * across


def _piece(tile: Box, values: NDArray[np.float32] | None) -> _Piece:
    shown = _NOTHING if values is None else values[: tile.height, : tile.width]
    box = bounding_box(shown >= FAINT) or Box(0, 0, 0, 0)
    steps = shown[box.slices] * np.float32(_STEPS) + np.float32(0.5)
    return _Piece(tile, tile.of_part(box), steps.astype(np.uint16))


def _stretch(
    start: int, stop: int, scaled: int, original: int
) -> tuple[int, int, int, NDArray[np.float32]]:
    """A span of the scaled image as one of the original.

    Returns:
        The span with a pixel on either side, where there is one; the first pixel of the original
        image that it bears on; and, for that and those after it, where they lie in the span.
    """
    start, stop = max(0, start - 1), min(scaled, stop + 1)
    factor = scaled / original
    first = max(0, math.floor((start - 0.5) / factor - 0.5))
    last = min(original, math.ceil((stop + 0.5) / factor - 0.5) + 1)
    places = (np.arange(first, last) + 0.5) * factor - 0.5 - start
    return start, stop, first, places.clip(0.0, stop - start - 1.0).astype(np.float32)


def _meet(one: Box, other: Box) -> bool:
    across = one.left < other.right and other.left < one.right
    return across and one.top < other.bottom and other.top < one.bottom


def _ramps(tiles: set[tuple[int, int]]) -> _Ramps:
    spans = sorted(tiles)
    ramps: _Ramps = {}
    for index, (start, stop) in enumerate(spans):
        before = spans[index - 1][1] - start if index else 0
        after = stop - spans[index + 1][0] if index + 1 < len(spans) else 0
        steps = np.arange(1, stop - start + 1, dtype=np.float32)
        rising = np.minimum(1.0, steps / (before + 1))
        falling = np.minimum(1.0, steps[::-1] / (after + 1))
        ramps[start] = np.minimum(rising, falling).astype(np.float32)
    return ramps
