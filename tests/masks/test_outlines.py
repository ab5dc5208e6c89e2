"""Outlines and extents of masks, each against a plainer way to them."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from flawscope.masks import from_polygons, length_and_width, outlines
from flawscope.values import Size

masks = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 14)))


@settings(max_examples=100, deadline=None)
@given(masks)
def test_filled_outlines_are_the_mask(mask: NDArray[np.bool_]) -> None:
    rings = outlines(mask)
    np.testing.assert_array_equal(from_polygons(rings, Size(*mask.shape)), mask)
    for ring in rings:
        sides = np.abs(np.roll(ring, -1, axis=0) - ring)
        assert ((sides > 0).sum(axis=1) == 1).all()  # along one axis each
        assert (sides[::2].argmax(axis=1) != sides[1::2].argmax(axis=1)).all()  # turning each time


@settings(max_examples=100, deadline=None)
@given(masks)
def test_there_is_a_ring_for_each_piece_and_each_hole(mask: NDArray[np.bool_]) -> None:
    """Pieces that touch at a corner have a ring each."""
    pieces = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1
    ground = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    holes = cv2.connectedComponents(ground, connectivity=8)[0] - 2
    assert len(outlines(mask)) == pieces + holes


def test_rings_keep_the_mask_on_their_right() -> None:
    mask = np.ones((3, 4), dtype=bool)
    mask[1, 1:3] = False
    outer, hole = outlines(mask)
    assert outer.tolist() == [[0, 0], [4, 0], [4, 3], [0, 3]]
    assert hole.tolist() == [[1, 2], [3, 2], [3, 1], [1, 1]]


@settings(max_examples=100, deadline=None)
@given(masks)
def test_extents_are_those_of_all_the_pixels(mask: NDArray[np.bool_]) -> None:
    rows, columns = np.nonzero(mask)
    if not rows.size:
        assert length_and_width(mask) == (0.0, 0.0)
        return
    corners = [(columns + x, rows + y) for x in (0, 1) for y in (0, 1)]
    points = np.concatenate([np.stack(corner, axis=1) for corner in corners]).astype(np.float32)
    _, sides, _ = cv2.minAreaRect(cv2.convexHull(points))
    assert length_and_width(mask) == (max(sides), min(sides))
