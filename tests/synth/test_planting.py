from __future__ import annotations

import math

import numpy as np
import pytest

from flawscope.errors import FlawscopeError
from flawscope.synth import DEFECTS, insert_defect, render
from flawscope.synth.marks import mark
from flawscope.synth.planting import VISIBLE, evident, grain_of, overlap, shown
from flawscope.values import Box


def photograph(size=(96, 128), level=130, seed=0):
    noise = np.random.default_rng(seed).normal(level, 6.0, (*size, 1))
    return np.repeat(noise.clip(0, 255).astype(np.uint8), 3, axis=2)


def levels(value, size=(20, 20)):
    return np.full((*size, 3), value, dtype=np.float32)


@pytest.mark.parametrize("kind", DEFECTS)
def test_photograph_changes_in_the_mask_and_hardly_outside(kind):
    for seed in range(6):
        before = photograph(seed=seed)
        kept = before.copy()
        after, mask = insert_defect(before, kind, np.random.default_rng(seed))
        assert np.array_equal(before, kept)
        assert after.dtype == np.uint8
        assert after.shape == before.shape
        assert mask.shape == before.shape[:2]
        assert mask.dtype == bool
        change = np.abs(after.astype(int) - before).max(axis=2)
        assert change[mask].mean() >= VISIBLE
        assert ((change > VISIBLE + 1) & ~mask).sum() <= 3 + 0.15 * mask.sum()


def test_same_generator_gives_same_defect():
    first = insert_defect(photograph(), "crack", np.random.default_rng(4))
    again = insert_defect(photograph(), "crack", np.random.default_rng(4))
    other = insert_defect(photograph(), "crack", np.random.default_rng(5))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("kind", DEFECTS)
def test_grey_photograph_stays_grey(kind):
    for seed in range(5):
        after, _ = insert_defect(photograph(), kind, np.random.default_rng(seed))
        assert (after[:, :, 0] == after[:, :, 1]).all()
        assert (after[:, :, 0] == after[:, :, 2]).all()


@pytest.mark.parametrize("kind", DEFECTS)
def test_nothing_is_claimed_on_a_black_picture(kind):
    black = np.zeros((40, 40, 3), dtype=np.uint8)
    after, mask = insert_defect(black, kind, np.random.default_rng(1))
    assert not mask.any()
    assert np.array_equal(after, black)


def test_defects_keep_to_the_bright_part_of_a_photograph():
    image = photograph((128, 128))
    image[:, :60] = 8
    middles = []
    for seed in range(20):
        _, mask = insert_defect(image, "pit", np.random.default_rng(seed))
        middles.append(np.nonzero(mask)[1].mean())
    assert np.mean(np.array(middles) > 55) >= 0.9


def test_chip_sits_at_the_border():
    for seed in range(8):
        _, mask = insert_defect(photograph(), "chip", np.random.default_rng(seed))
        rows, columns = np.nonzero(mask)
        to_border = np.minimum.reduce([rows, columns, 95 - rows, 127 - columns])
        assert to_border.min() <= 1


def test_unknown_kind_and_tiny_picture_are_refused():
    with pytest.raises(FlawscopeError, match="scratch"):
        insert_defect(photograph(), "hole", np.random.default_rng(0))
    with pytest.raises(FlawscopeError, match="16"):
        insert_defect(photograph((12, 50)), "pit", np.random.default_rng(0))


def test_change_over_the_limit_is_shown_and_under_it_is_not():
    before, core = levels(100.0), np.zeros((20, 20), dtype=bool)
    after = before.copy()
    after[5:12, 6:15, 1] += VISIBLE
    mask = shown(before, after, core)
    assert mask[6:11, 6:15].all()
    assert mask.sum() <= 7 * 9
    assert not shown(before, before + (VISIBLE - 0.5), core).any()


def test_unchanged_middle_of_a_core_belongs_to_the_defect():
    before, core = levels(100.0), np.zeros((20, 20), dtype=bool)
    core[3:17, 3:17] = True
    after = before.copy()
    after[3:17, 3:17] += 20.0
    after[6:14, 6:14] -= 20.0
    assert shown(before, after, core)[3:17, 3:17].sum() >= 14 * 14 - 4


def test_hole_in_a_ring_without_core_stays_open():
    before = levels(100.0)
    after = before.copy()
    after[3:17, 3:17] += 20.0
    after[7:13, 7:13] -= 20.0
    assert not shown(before, after, np.zeros((20, 20), dtype=bool))[8:12, 8:12].any()


def test_defect_lost_in_texture_is_not_evident():
    rough = levels(120.0) + np.random.default_rng(0).normal(0, 30, (20, 20, 1)).astype(np.float32)
    mask = np.zeros((20, 20), dtype=bool)
    mask[8:12, 8:12] = True
    assert not evident(rough, rough + 10.0, mask)
    assert evident(levels(120.0), levels(130.0), mask)
    assert not evident(levels(120.0), levels(130.0), np.zeros_like(mask))


@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi / 2, 2.2])
def test_grain_runs_along_the_lines(angle):
    y, x = np.mgrid[:64, :64]
    wave = np.sin((y * math.cos(angle) - x * math.sin(angle)) * 1.1)
    image = np.repeat((120 + 60 * wave).astype(np.uint8)[:, :, None], 3, axis=2)
    off = (grain_of(image) - angle + math.pi / 2) % math.pi - math.pi / 2
    assert abs(off) < 0.05


def test_mark_over_a_corner_is_cut_to_the_picture():
    height = np.arange(49, dtype=np.float32).reshape(7, 7)
    whole = mark(height=height, core=height > 0)
    piece, box = overlap(whole, (0, 9), (10, 12))
    assert box == Box(0, 6, 4, 10)
    assert np.array_equal(piece.height, height[:4, 3:])


def test_rendered_part_takes_another_defect():
    part = render(2, surface="ground", defects=(), size=(80, 80))
    after, mask = insert_defect(part.image, "scratch", np.random.default_rng(0))
    assert mask.any()
    assert not np.array_equal(after, part.image)
