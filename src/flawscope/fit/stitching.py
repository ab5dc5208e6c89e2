"""Probability maps of overlapping tiles, put together without seams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.fit.plan import Plan
from flawscope.masks import bounding_box
from flawscope.values import Box

_FAINT = 1.0 / 256.0
"""Around a tile's outermost pixels of this probability, everything is kept as 0."""


@dataclass(frozen=True, slots=True)
class _Piece:
    tile: Box
    area: Box  # the part of the whole map that ``values`` covers
    values: NDArray[np.float16]


_Ramps = dict[int, NDArray[np.float32]]
"""Weights down or across a tile, by the row or column it starts at."""


class Stitcher:
    """Collects tiles' probability maps by channel and gives each channel's whole map.

    Memory grows with what the tiles show, not with the picture times the channels: of a tile's
    channel only the box that holds anything is kept, at half precision. At worst, every channel
    alight everywhere, that is two bytes a pixel and channel, and a half more for the overlaps.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pieces: dict[str, list[_Piece]] = {}
        self._down = _ramps({(tile.top, tile.bottom) for tile in plan.tiles})
        self._across = _ramps({(tile.left, tile.right) for tile in plan.tiles})

    def add(self, tile: Box, maps: NDArray[np.float32], channels: Iterable[str]) -> None:
        """Takes one tile's maps.

        Args:
            tile: which of the plan's tiles they are of.
            maps: probabilities (channels, window height, window width); copied.
            channels: the name of each.
        """
        for channel, values in zip(channels, maps, strict=True):
            values = values[: tile.height, : tile.width]
            inside = bounding_box(values >= _FAINT) or Box(0, 0, 0, 0)
            kept = values[inside.top : inside.bottom, inside.left : inside.right]
            area = Box(
                tile.left + inside.left,
                tile.top + inside.top,
                tile.left + inside.right,
                tile.top + inside.bottom,
            )
            piece = _Piece(tile, area, kept.astype(np.float16))
            self._pieces.setdefault(channel, []).append(piece)

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
        total = np.zeros(self._plan.scaled, dtype=np.float32)
        pieces = self._pieces.get(channel, [])
        for piece in pieces:
            area = piece.area
            weights = np.zeros((area.height, area.width), dtype=np.float32)
            for other in pieces:
                self._add_weights(weights, area, other.tile)
            own = np.zeros_like(weights)
            self._add_weights(own, area, piece.tile)
            total[area.top : area.bottom, area.left : area.right] += own / weights * piece.values
        return self._to_original(total)

    def _add_weights(self, weights: NDArray[np.float32], area: Box, tile: Box) -> None:
        """Adds a tile's weights where it meets an area, to the weights over that area."""
        top, bottom = max(area.top, tile.top), min(area.bottom, tile.bottom)
        left, right = max(area.left, tile.left), min(area.right, tile.right)
        if top < bottom and left < right:
            down = self._down[tile.top][top - tile.top : bottom - tile.top]
            across = self._across[tile.left][left - tile.left : right - tile.left]
            share = weights[
                top - area.top : bottom - area.top, left - area.left : right - area.left
            ]
            share += down[:, None] * across

    def _to_original(self, total: NDArray[np.float32]) -> NDArray[np.float32]:
        size = self._plan.size
        if self._plan.scaled == size:
            return total
        resized = cv2.resize(total, (size.width, size.height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, dtype=np.float32)


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
