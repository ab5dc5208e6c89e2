"""Figures of how well heat names a place, against counts by hand and by every threshold."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.explain import best_iou, points_at, share_inside
from flawscope.explain.heatmap import hottest
from flawscope.values import Box

MASK = np.zeros((20, 30), dtype=bool)
MASK[4:8, 10:16] = True
NOTHING = np.zeros(MASK.shape, dtype=np.float32)


def spot(y: int, x: int) -> np.ndarray:
    heat = NOTHING.copy()
    heat[y, x] = 1.0
    return heat


def test_the_peak_hits_on_the_defect_and_as_near_as_is_allowed() -> None:
    assert points_at(spot(7, 15), MASK)
    assert not points_at(spot(8, 15), MASK)
    assert points_at(spot(8, 15), MASK, tolerance=1)
    # 3 down and 4 right of the nearest pixel: 5 pixels away.
    assert points_at(spot(10, 19), MASK, tolerance=5)
    assert not points_at(spot(10, 19), MASK, tolerance=4.9)


def test_no_heat_points_nowhere() -> None:
    assert not points_at(NOTHING, MASK, tolerance=100)
    assert share_inside(NOTHING, MASK) == 0.0
    assert best_iou(NOTHING, MASK) == (0.0, 0.0)
    assert hottest(NOTHING) is None


def test_the_share_of_heat_inside() -> None:
    assert share_inside(MASK.astype(np.float32), MASK) == 1.0
    everywhere = np.ones(MASK.shape, dtype=np.float32)
    assert share_inside(everywhere, MASK) == pytest.approx(MASK.mean())
    assert share_inside(spot(0, 0) * 3 + spot(5, 12), MASK) == pytest.approx(0.25)


def test_the_best_iou_is_that_of_the_best_of_all_thresholds() -> None:
    generator = np.random.default_rng(0)
    for levels in (4, 1000):  # Few levels have many ties.
        noise = generator.integers(0, levels, MASK.shape) / levels
        heat = (noise + MASK).astype(np.float32) / 2
        tried = {
            float(value): np.sum((heat >= value) & MASK) / np.sum((heat >= value) | MASK)
            for value in np.unique(heat[heat > 0])
        }
        iou, threshold = best_iou(heat, MASK)
        assert iou == pytest.approx(max(tried.values()))
        assert iou == pytest.approx(tried[threshold])


def test_masks_that_do_not_fit_are_refused() -> None:
    for judge in (points_at, share_inside, best_iou):
        with pytest.raises(ValueError, match="pixels set"):
            judge(NOTHING, np.zeros_like(MASK))
        with pytest.raises(ValueError, match="of its size"):
            judge(NOTHING[1:], MASK)


def test_the_hottest_region_is_the_one_around_the_peak() -> None:
    heat = NOTHING.copy()
    heat[2:5, 3:9] = 0.6
    heat[3, 4] = 1.0
    heat[12:19, 12:29] = 0.9  # Larger, and not as hot.
    found = hottest(heat)
    assert found is not None
    assert (found.x, found.y) == (4, 3)
    assert found.box == Box(3, 2, 9, 5)


def test_a_plateau_peaks_in_its_middle() -> None:
    heat = NOTHING.copy()
    heat[4:9, 10:17] = 1.0
    found = hottest(heat)
    assert found is not None
    assert (found.x, found.y) == (13, 6)
