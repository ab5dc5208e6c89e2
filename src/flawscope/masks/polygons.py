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
    whose sides run along pixel edges.
    """
    return _trace(_border_edges(np.pad(mask, 1)))


def _border_edges(padded: NDArray[np.bool_]) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Directed unit edges between a set and an unset pixel, the set one on the right hand."""
    inner = padded[1:-1, 1:-1]
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}
    sides = (
        (inner & ~padded[:-2, 1:-1], (0, 0), (1, 0)),  # above: rightwards
        (inner & ~padded[1:-1, 2:], (1, 0), (1, 1)),  # right: downwards
        (inner & ~padded[2:, 1:-1], (1, 1), (0, 1)),  # below: leftwards
        (inner & ~padded[1:-1, :-2], (0, 1), (0, 0)),  # left: upwards
    )
    for where, (from_x, from_y), (to_x, to_y) in sides:
        for row, column in zip(*np.nonzero(where), strict=True):
            start = (int(column) + from_x, int(row) + from_y)
            following.setdefault(start, []).append((int(column) + to_x, int(row) + to_y))
    return following


def _trace(following: dict[tuple[int, int], list[tuple[int, int]]]) -> list[Polygon]:
    rings = []
    while following:
        start = next(iter(following))
        ring = [start]
        heading = None
        while True:
            here = ring[-1]
            choices = following[here]
            # Where two pieces touch at a corner, keep to one of them: turn right first.
            step = min(choices, key=lambda there: _turn(heading, here, there))
            choices.remove(step)
            if not choices:
                del following[here]
            heading = (step[0] - here[0], step[1] - here[1])
            if step == start:
                break
            ring.append(step)
        rings.append(_corners(np.array(ring, dtype=np.float64)))
    return rings


def _turn(heading: tuple[int, int] | None, here: tuple[int, int], there: tuple[int, int]) -> int:
    if heading is None:
        return 0
    step = (there[0] - here[0], there[1] - here[1])
    cross = heading[0] * step[1] - heading[1] * step[0]
    return -cross


def _corners(ring: Polygon) -> Polygon:
    """A ring without the points that lie on a straight line between their neighbours."""
    before = ring - np.roll(ring, 1, axis=0)
    after = np.roll(ring, -1, axis=0) - ring
    kept: Polygon = ring[(before != after).any(axis=1)]
    return kept


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
