from __future__ import annotations

import numpy as np
import pytest

from flawscope.errors import FlawscopeError
from flawscope.masks import bounding_box, decode, union
from flawscope.synth import DEFECTS, SURFACES, render
from flawscope.synth.planting import VISIBLE
from flawscope.values import Size


def masked(part, size):
    return union([defect.mask for defect in part.defects], Size(*size))


def test_same_arguments_give_same_pixels_and_defects():
    first = render(11, size=(70, 90))
    assert np.array_equal(first.image, render(11, size=(70, 90)).image)
    assert first.defects == render(11, size=(70, 90)).defects
    assert not np.array_equal(first.image, render(12, size=(70, 90)).image)


def test_seed_draws_good_and_defective_parts_and_every_surface():
    parts = [render(seed, size=(48, 48)) for seed in range(60)]
    good = sum(not part.defects for part in parts)
    assert 12 <= good <= 36
    assert {part.surface for part in parts} == set(SURFACES)
    assert {defect.kind for part in parts for defect in part.defects} == set(DEFECTS)


@pytest.mark.parametrize("surface", SURFACES)
def test_good_parts_are_neither_flat_nor_burnt_out(surface):
    for seed in range(4):
        part = render(seed, surface=surface, defects=(), size=(96, 128))
        assert part.image.shape == (96, 128, 3)
        assert part.image.dtype == np.uint8
        assert part.defects == ()
        assert (part.surface, part.seed) == (surface, seed)
        assert part.image.std() > 1.0
        assert 15 < part.image.mean() < 250


@pytest.mark.parametrize("kind", DEFECTS)
@pytest.mark.parametrize("surface", SURFACES)
def test_defect_is_seen_in_its_mask_and_hardly_outside(surface, kind):
    size = (112, 128)
    for seed in (1, 2):
        part = render(seed, surface=surface, defects=(kind,), size=size)
        clean = render(seed, surface=surface, defects=(), size=size)
        assert part.defects
        assert {defect.kind for defect in part.defects} == {kind}
        mask = masked(part, size)
        change = np.abs(part.image.astype(int) - clean.image).max(axis=2)
        assert change[mask].mean() >= VISIBLE
        # A grey level to spare: both pictures are rounded after the same noise.
        outside = (change > VISIBLE + 1) & ~mask
        assert outside.sum() <= 3 + 0.15 * mask.sum()
        assert change[~mask].mean() < 0.5


def test_defects_are_pieces_with_exact_boxes_and_do_not_overlap():
    size = (120, 120)
    part = render(5, surface="rolled", defects=("pit", "inclusion", "scratch"), size=size)
    for kind in ("pit", "inclusion", "scratch"):
        masks = [decode(defect.mask) for defect in part.defects if defect.kind == kind]
        assert masks
        assert np.sum(masks, axis=0).max() == 1
    for defect in part.defects:
        assert defect.mask.size == Size(*size)
        assert defect.box == bounding_box(decode(defect.mask))
        assert defect.score == 1.0


def test_more_defects_leave_the_first_where_it_was():
    alone = render(8, surface="blasted", defects=("stain",), size=(100, 100))
    both = render(8, surface="blasted", defects=("stain", "pit"), size=(100, 100))
    stains = [defect for defect in both.defects if defect.kind == "stain"]
    assert tuple(stains) == alone.defects


def test_sizes_range_from_a_few_pixels_to_a_large_share():
    areas = [
        sum(defect.mask.area for defect in render(seed, defects=("dent",), size=(96, 96)).defects)
        for seed in range(30)
    ]
    assert min(areas) < 0.01 * 96 * 96
    assert max(areas) > 0.05 * 96 * 96


@pytest.mark.parametrize("size", [(16, 16), (16, 120), (150, 17), (33, 64)])
@pytest.mark.parametrize("kind", DEFECTS)
def test_tiny_and_narrow_pictures_hold_a_defect(size, kind):
    for surface in SURFACES:
        part = render(3, surface=surface, defects=(kind,), size=size)
        assert part.image.shape == (*size, 3)
        assert masked(part, size).any()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"seed": -1}, "negative"),
        ({"seed": 0, "surface": "wood"}, "brushed"),
        ({"seed": 0, "defects": ("hole",)}, "scratch"),
        ({"seed": 0, "size": (15, 400)}, "16"),
    ],
)
def test_bad_arguments_are_refused_with_what_would_do(arguments, word):
    with pytest.raises(FlawscopeError, match=word):
        render(**arguments)
