"""A defect as one polygon gives its mask back, holes and corner touches included."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from flawscope.data.gathering import defects_in
from flawscope.data.writers.rings import one_ring
from flawscope.masks import decode, from_polygons
from flawscope.values import Box, Defect, Size


@settings(max_examples=150, deadline=None)
@given(arrays.arrays(bool, st.tuples(st.integers(1, 15), st.integers(1, 15))))
def test_filling_gives_the_piece_back(mask: NDArray[np.bool_]) -> None:
    for defect in defects_in(mask, "pit"):
        assert defect.mask is not None
        filled = from_polygons([one_ring(defect)], Size(*mask.shape))
        np.testing.assert_array_equal(filled, decode(defect.mask))


def test_rounding_to_shares_does_no_harm() -> None:
    yy, xx = np.mgrid[:901, :1597]
    radius = np.hypot(yy - 450, xx - 800)
    mask = (radius < 400) & (radius > 150)
    (defect,) = defects_in(mask, "pit")
    shares = np.round(one_ring(defect) / (1597, 901), 7)
    np.testing.assert_array_equal(from_polygons([shares * (1597, 901)], Size(901, 1597)), mask)


def test_opencv_fills_it_alike_but_for_the_rim() -> None:
    mask = np.zeros((80, 80), dtype=bool)
    mask[10:70, 10:70] = True
    mask[30:50, 30:50] = False
    (defect,) = defects_in(mask, "pit")
    filled = np.zeros((80, 80), dtype=np.uint8)
    cv2.fillPoly(filled, [one_ring(defect).astype(np.int32)], 1)
    assert (mask & (filled > 0)).sum() / (mask | (filled > 0)).sum() > 0.9


def test_a_box_is_no_polygon() -> None:
    with pytest.raises(ValueError, match="no mask"):
        one_ring(Defect("pit", Box(0, 0, 2, 2)))
