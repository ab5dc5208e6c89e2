"""Masks to polygons and back.

Coordinates are continuous: pixel (row r, column c) covers the square from (c, r) to
(c + 1, r + 1), as in COCO. A pixel belongs to a polygon if its centre is inside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flawscope.values import Size

Polygon = NDArray[np.float64]
"""Corners (n, 2) as x, y in pixels."""


def outlines(mask: NDArray[np.bool_]) -> list[Polygon]:
    """Polygons along the pixel borders of a mask, whose even-odd filling gives it back exactly.

    The outer border of every piece and the border of every hole, each an (n, 2) array of x, y
    whose sides run along pixel edges, the pixels set on their right hand.

    Args:
        mask: boolean (height, width). The work in Python grows with the corners, not the pixels.
    """
    padded = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), dtype=bool)
    padded[1:-1, 1:-1] = mask
    corners, following = _corners(padded)
    rightwards = np.flatnonzero(following == np.arange(following.size) + 1)
    steps, seen = following.tolist(), bytearray(following.size)
    rings = []
    for start in rightwards[rightwards % 2 == 0].tolist():
        ring, here = [], start
        while not seen[here]:
            seen[here] = 1
            ring.append(here)
            here = steps[here]
        if ring:
            rings.append(corners[ring])
    return rings


def _corners(padded: NDArray[np.bool_]) -> tuple[Polygon, NDArray[np.intp]]:
    """Where the borders turn: (n, 2) of x, y, row by row, and which corner each leads to.

    A border along a line of the grid starts at one corner and ends at the next one on that line,
    so that corners in order pair up, by row and by column. Where two pieces touch at a corner it is
    there twice, once for each, so that rings keep to one of them.
    """
    above_left, above_right = padded[:-1, :-1], padded[:-1, 1:]
    below_left, below_right = padded[1:, :-1], padded[1:, 1:]
    touching = (above_left == below_right) & (above_right == below_left)
    touching &= above_left != above_right
    turning = above_left ^ above_right ^ below_left ^ below_right
    rows, columns = np.nonzero(turning | touching)
    twice = touching[rows, columns]
    rows, columns = (np.repeat(places, 1 + twice) for places in (rows, columns))
    second = np.zeros(rows.size, dtype=bool)
    second[1:] = (rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1])
    # Of a corner's two, the first has the border to the left; it has the one above too if that
    # is the same piece's.
    lower = np.where(above_left[rows, columns], second, ~second) & touching[rows, columns]
    following = np.empty(rows.size, dtype=np.intp)
    left = np.arange(0, rows.size, 2)
    _pair(following, left, left + 1, below_right[rows[left], columns[left]])
    down = np.lexsort((lower, rows, columns))
    top, bottom = down[::2], down[1::2]
    _pair(following, top, bottom, below_left[rows[top], columns[top]])
    return np.stack([columns, rows], axis=1).astype(np.float64), following


def _pair(
    following: NDArray[np.intp],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    forwards: NDArray[np.bool_],
) -> None:
    """Notes of each border which of its ends follows the other."""
    following[first[forwards]] = second[forwards]
    following[second[~forwards]] = first[~forwards]


def from_polygons(polygons: Sequence[Polygon], size: Size) -> NDArray[np.bool_]:
    """The mask of pixels whose centres lie in an odd number of the polygons.

    Args:
        polygons: each (n, 2), x and y in pixels; corners outside the image are cut off by it.
        size: of the image.
    """
    mask = np.zeros(size, dtype=np.uint8)
    for polygon in polygons:
        if len(polygon) < 3:
            continue
        mask ^= _filled(np.asarray(polygon, dtype=np.float64), size)
    return mask.astype(bool)


def _filled(polygon: Polygon, size: Size) -> NDArray[np.uint8]:
    """One polygon filled by the even-odd rule on pixel centres: uint8 0/1."""
    filled = np.zeros(size, dtype=np.uint8)
    start, end = polygon, np.roll(polygon, -1, axis=0)
    top = max(0, int(np.floor(polygon[:, 1].min())))
    bottom = min(size.height, int(np.ceil(polygon[:, 1].max())))
    for row in range(top, bottom):
        middle = row + 0.5
        crossed = (start[:, 1] <= middle) != (end[:, 1] <= middle)
        if not crossed.any():
            continue
        from_x, from_y = start[crossed].T
        to_x, to_y = end[crossed].T
        crossings = np.sort(from_x + (middle - from_y) / (to_y - from_y) * (to_x - from_x))
        columns = np.clip(np.ceil(crossings - 0.5), 0, size.width).astype(int)
        for left, right in zip(columns[::2], columns[1::2], strict=True):
            filled[row, left:right] = 1
    return filled
