"""A defect as one polygon, for layouts that know neither holes nor several pieces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flawscope.masks import decode, outlines
from flawscope.values import Defect

Polygon = NDArray[np.float64]


def one_ring(defect: Defect) -> Polygon:
    """The pixel borders of a defect's mask as one closed polygon, (n, 2) of x, y in pixels.

    Holes and further pieces hang on bridges of no width, walked there and back along pixel
    borders, so that even-odd filling gives the mask back exactly.
    """
    if defect.mask is None:
        raise ValueError("the defect has no mask")
    left, top, right, bottom = defect.box
    first, *others = outlines(decode(defect.mask)[top:bottom, left:right])
    whole = first
    for ring in others:
        whole = _bridged(whole, ring)
    return whole + (left, top)


def _bridged(whole: Polygon, ring: Polygon) -> Polygon:
    """Both polygons as one, joined where their corners are nearest."""
    nearest, here, there = np.inf, 0, 0
    for index, corner in enumerate(ring):
        distances = np.abs(whole - corner).sum(axis=1)
        closest = int(np.argmin(distances))
        if distances[closest] < nearest:
            nearest, here, there = float(distances[closest]), closest, index
    bend = np.array([[ring[there, 0], whole[here, 1]]])
    around = np.roll(ring, -there, axis=0)
    return np.concatenate([whole[: here + 1], bend, around, around[:1], bend, whole[here:]])
