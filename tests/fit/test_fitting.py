"""Images to windows and maps back, so that no seam can be seen."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flawscope.fit import Stitcher, pad, plan_fit, resize
from flawscope.values import Box, InputFit, Size

FIT = InputFit(multiple=32, smallest=64, tile=128, overlap=32)
SIDES = st.integers(1, 700)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (2, 2), (3, 100), (64, 64)])
def test_padding_reflects_like_numpy(size: tuple[int, int]) -> None:
    """Also where the image is smaller than half of the padding."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    window = Size(160, 192)
    below, right = window.height - size[0], window.width - size[1]
    expected = np.pad(image, ((0, below), (0, right), (0, 0)), mode="reflect")
    assert np.array_equal(pad(image, window), expected)


@settings(max_examples=60, deadline=None)
@given(SIDES, SIDES)
def test_plans_cover_every_pixel_with_full_windows(height: int, width: int) -> None:
    plan = plan_fit(Size(height, width), FIT)
    seen = np.zeros((height, width), dtype=int)
    for tile in plan.tiles:
        seen[tile.top : tile.bottom, tile.left : tile.right] += 1
        assert tile.height == min(height, plan.window.height)
        assert tile.width == min(width, plan.window.width)
    assert seen.min() >= 1
    assert all(side % 32 == 0 and side >= 64 for side in plan.window)
    assert plan.window.height * plan.window.width <= 128 * 128
    assert len(plan.tiles) == len(set(plan.tiles))


def test_neighbours_share_the_overlap_and_no_tile_is_wasted() -> None:
    plan = plan_fit(Size(100, 500), FIT)
    lefts = sorted(tile.left for tile in plan.tiles)
    assert lefts[0] == 0
    assert lefts[-1] == 500 - 128
    assert all(after - before <= 128 - 32 for before, after in itertools.pairwise(lefts))
    assert len(lefts) == 5
    assert len(plan_fit(Size(128, 128), FIT).tiles) == 1
    assert len(plan_fit(Size(128, 129), FIT).tiles) == 2


def test_a_strip_is_shown_in_windows_as_long_as_they_are_narrow() -> None:
    assert plan_fit(Size(60, 250), FIT).window == Size(64, 256)
    assert len(plan_fit(Size(60, 250), FIT).tiles) == 1
    assert plan_fit(Size(256, 1600), InputFit()).window == Size(256, 1600)
    tall = plan_fit(Size(300, 60), FIT)
    assert tall.window == Size(256, 64)
    assert [tile.top for tile in tall.tiles] == [0, 44]


def test_impossible_fits_are_refused() -> None:
    for wrong in ({"tile": 100}, {"smallest": 256, "tile": 128}, {"tile": 128, "overlap": 65}):
        with pytest.raises(ValidationError):
            InputFit(**wrong)


@settings(max_examples=30, deadline=None)
@given(SIDES, SIDES, st.integers(0, 10**6))
def test_maps_that_agree_come_back_as_they_were(height: int, width: int, seed: int) -> None:
    """Tiles cut from one map are stitched to that map, up to half precision and the faint."""
    plan = plan_fit(Size(height, width), FIT)
    whole = np.random.default_rng(seed).random((height, width), dtype=np.float32)
    stitcher = Stitcher(plan)
    for tile in plan.tiles:
        window = np.full(plan.window, 0.77, dtype=np.float32)
        inside = whole[tile.top : tile.bottom, tile.left : tile.right]
        window[: tile.height, : tile.width] = inside
        stitcher.add(tile, {"any": window})
    assert np.abs(stitcher.map("any") - whole).max() < 1 / 256


def test_tiles_that_disagree_are_blended_by_ramps() -> None:
    plan = plan_fit(Size(128, 224), FIT)
    first, second = plan.tiles
    stitcher = Stitcher(plan)
    stitcher.add(first, {"any": np.zeros(plan.window, np.float32)})
    stitcher.add(second, {"any": np.ones(plan.window, np.float32)})
    row = stitcher.map("any")[10]
    assert (row[: second.left] == 0).all()
    assert (row[first.right :] == 1).all()
    slopes = np.diff(row[second.left : first.right])
    assert np.allclose(slopes, 1 / 33, atol=1e-3)


def test_a_tile_alone_stands_for_itself_up_to_its_border() -> None:
    """Its neighbours were accepted and never asked: they are no reason to fade it out."""
    plan = plan_fit(Size(128, 224), FIT)
    stitcher = Stitcher(plan)
    stitcher.add(plan.tiles[0], {"any": np.full(plan.window, 0.9, np.float32)})
    row = stitcher.map("any")[0]
    assert np.allclose(row[:128], 0.9, atol=1e-3)
    assert (row[128:] == 0).all()


def test_channels_of_several_stages_are_kept_apart() -> None:
    plan = plan_fit(Size(64, 64), FIT)
    stitcher = Stitcher(plan)
    maps = np.stack([np.full(plan.window, level, np.float32) for level in (0.25, 0.5)])
    stitcher.add(plan.tiles[0], {"pit": maps[0], "crack": maps[1]})
    stitcher.add(plan.tiles[0], {"dent": maps[0] + 0.5})
    assert stitcher.channels == ("pit", "crack", "dent")
    levels = [float(stitcher.map(channel)[5, 5]) for channel in stitcher.channels]
    assert levels == [0.25, 0.5, 0.75]
    assert not stitcher.map("nobody located this").any()


def test_taken_maps_are_copied() -> None:
    plan = plan_fit(Size(64, 64), FIT)
    stitcher = Stitcher(plan)
    reused = np.full(plan.window, 0.5, np.float32)
    stitcher.add(plan.tiles[0], {"any": reused})
    reused[:] = 0
    assert (stitcher.map("any") == 0.5).all()


def test_dark_tiles_of_a_large_picture_cost_next_to_nothing() -> None:
    """24 megapixels in 12 channels would be 600 MB at half precision."""
    import tracemalloc

    plan = plan_fit(Size(4000, 6000), InputFit())
    dark = np.full((12, *plan.window), 0.003, dtype=np.float32)
    dark[3, 100:120, 100:140] = 0.9
    names = [f"kind {number}" for number in range(12)]
    stitcher = Stitcher(plan)
    tracemalloc.start()
    for tile in plan.tiles:
        stitcher.add(tile, dict(zip(names, dark, strict=True)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(plan.tiles) == 70
    assert held < 2_000_000


def test_a_spot_on_a_large_picture_is_given_in_its_own_box() -> None:
    """24 megapixels of float32 would be 96 MB."""
    import tracemalloc

    plan = plan_fit(Size(4000, 6000), InputFit())
    stitcher = Stitcher(plan)
    whole = np.zeros(plan.size, dtype=np.float32)
    whole[700:760, 690:720] = 0.75  # across the corner where four tiles meet
    for tile in plan.tiles:
        window = np.zeros(plan.window, dtype=np.float32)
        window[: tile.height, : tile.width] = whole[tile.slices]
        stitcher.add(tile, {"any": window})
    tracemalloc.start()
    box, values = stitcher.alight("any")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert box == Box(690, 700, 720, 760)
    assert np.allclose(values, 0.75, atol=1e-4)
    assert most < 500_000
    assert np.array_equal(stitcher.map("any")[box.slices], values)


def test_nothing_alight_is_an_empty_box() -> None:
    plan = plan_fit(Size(128, 224), FIT)
    stitcher = Stitcher(plan)
    stitcher.add(plan.tiles[1], {"any": np.full(plan.window, 0.003, np.float32)})
    for channel in ("any", "nobody located this"):
        box, values = stitcher.alight(channel)
        assert (box.width, box.height, values.size) == (0, 0, 0)
        assert not stitcher.map(channel).any()


def test_scaled_images_get_maps_of_their_own_size() -> None:
    size = Size(301, 457)
    plan = plan_fit(size, InputFit(scale=0.5, multiple=32, smallest=64, tile=128, overlap=32))
    assert plan.scaled == Size(150, 228)
    image = np.zeros((*size, 3), np.uint8)
    image[100:200, 200:400] = 255
    small = resize(image, plan.scaled)
    stitcher = Stitcher(plan)
    for tile in plan.tiles:
        window = plan.cut(small, tile)[..., 0].astype(np.float32) / 255
        stitcher.add(tile, {"any": window})
    found = stitcher.map("any") >= 0.5
    truth = image[..., 0] > 0
    assert found.shape == size
    assert (found & truth).sum() / (found | truth).sum() > 0.97


def test_a_tiny_image_survives_scaling_down() -> None:
    plan = plan_fit(Size(1, 3), InputFit(scale=0.25, multiple=32, smallest=32, tile=64, overlap=0))
    assert plan.scaled == Size(1, 1)
    assert plan.tiles == (Box(0, 0, 1, 1),)
    assert plan.cut(resize(np.zeros((1, 3, 3), np.uint8), plan.scaled), plan.tiles[0]).shape == (
        32,
        32,
        3,
    )


RESIZED = FIT.model_copy(update={"to_multiple": "resize"})


@settings(max_examples=80, deadline=None)
@given(SIDES, SIDES)
def test_sides_are_enlarged_to_the_next_multiple_and_nothing_is_padded(
    height: int, width: int
) -> None:
    plan = plan_fit(Size(height, width), RESIZED)
    for side, scaled, window in zip((height, width), plan.scaled, plan.window, strict=True):
        if side < 64:
            assert scaled == side
            assert window == 64
        elif scaled == window:  # in one piece
            assert 0 <= scaled - side < 32
        else:
            assert scaled == side > window
    assert all(side % 32 == 0 for side in plan.window)
    assert plan.window.height * plan.window.width <= 128 * 128
    covered = np.zeros(plan.scaled, dtype=bool)
    for tile in plan.tiles:
        covered[tile.slices] = True
    assert covered.all()


@settings(max_examples=80, deadline=None)
@given(SIDES, SIDES, st.data())
def test_what_is_scaled_back_in_its_box_is_what_the_whole_map_would_be(
    height: int, width: int, data: st.DataObject
) -> None:
    plan = plan_fit(Size(height, width), RESIZED)
    if len(plan.tiles) > 1 or plan.scaled == plan.size:
        return
    top = data.draw(st.integers(0, plan.scaled.height - 1))
    left = data.draw(st.integers(0, plan.scaled.width - 1))
    maps = np.zeros(plan.window, dtype=np.float32)
    maps[top : top + 9, left : left + 5] = 0.8
    stitcher = Stitcher(plan)
    stitcher.add(plan.tiles[0], {"any": maps})
    small = maps[: plan.scaled.height, : plan.scaled.width]
    whole = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    assert np.abs(stitcher.map("any") - whole).max() < 0.04  # remap counts in 32nds of a pixel
    box, values = stitcher.alight("any")
    assert values.shape == (box.height, box.width)
    assert box.height <= 9 * 1.6 + 6 or plan.scaled.height < 64
