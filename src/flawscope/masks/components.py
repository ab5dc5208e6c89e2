"""Connected pieces of a mask and their measures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.masks.runs import bounding_box
from flawscope.values import Box


@dataclass(frozen=True, slots=True)
class Component:
    """One 8-connected piece of a mask.

    Attributes:
        box: its bounding box in the whole mask.
        area: its number of pixels.
        pixels: boolean (box height, box width): the piece inside its box.
    """

    box: Box
    area: int
    pixels: NDArray[np.bool_]


def components(
    mask: NDArray[np.bool_], smallest_area: int = 1, most: int | None = None
) -> list[Component]:
    """The 8-connected pieces of a boolean mask of at least ``smallest_area`` pixels.

    Args:
        mask: boolean (height, width).
        smallest_area: smaller pieces are left out.
        most: if there are more pieces, only so many of the largest are given.
    """
    around = bounding_box(mask)
    if around is None:
        return []
    # Most masks are empty but for a corner; labelling costs many times what finding that does.
    inner = mask[around.top : around.bottom, around.left : around.right]
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        np.ascontiguousarray(inner).view(np.uint8), connectivity=8
    )
    areas = stats[:, cv2.CC_STAT_AREA]
    wanted = np.flatnonzero(areas >= smallest_area)
    wanted = wanted[wanted > 0]  # 0 is the ground
    if most is not None and wanted.size > most:
        wanted = np.sort(wanted[np.argsort(-areas[wanted], kind="stable")[:most]])
    found = []
    for label in wanted.tolist():
        left, top, width, height, area = (int(value) for value in stats[label])
        inside = labels[top : top + height, left : left + width] == label
        left, top = left + around.left, top + around.top
        box = Box(left, top, left + width, top + height)
        found.append(Component(box, area, inside))
    return found


def length_and_width(pixels: NDArray[np.bool_]) -> tuple[float, float]:
    """Sides in pixels, longer first, of the smallest turned rectangle around the pixels set.

    A single pixel measures 1 x 1: the rectangle is around the pixels' areas, not their centres.
    """
    rows = np.flatnonzero(pixels.any(axis=1))
    if not rows.size:
        return 0.0, 0.0
    # A row's outermost pixels are all that a hull can touch.
    lines = pixels[rows]
    first = lines.argmax(axis=1)
    last = pixels.shape[1] - lines[:, ::-1].argmax(axis=1)
    across = np.concatenate([first, first, last, last])
    down = np.concatenate([rows, rows + 1, rows, rows + 1])
    points = np.stack([across, down], axis=1)
    hull = cv2.convexHull(points.astype(np.float32))
    _, (first, second), _ = cv2.minAreaRect(hull)
    return max(float(first), float(second)), min(float(first), float(second))
