"""Work on a box of a mask costs as much as the box, and is the same as on the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flawscope.masks import components, decode, decode_at, encode, encode_at
from flawscope.values import Box, Size

SIDES = st.integers(1, 24)


@settings(max_examples=80, deadline=None)
@given(SIDES, SIDES, st.integers(0, 10**6), st.floats(0, 1))
def test_boxes_decode_like_the_whole(height: int, width: int, seed: int, share: float) -> None:
    dice = np.random.default_rng(seed)
    mask = dice.random((height, width)) < share
    top, bottom = sorted(dice.integers(0, height + 1, 2))
    left, right = sorted(dice.integers(0, width + 1, 2))
    box = Box(int(left), int(top), int(right), int(bottom))
    assert np.array_equal(decode_at(encode(mask), box), mask[top:bottom, left:right])


@settings(max_examples=80, deadline=None)
@given(SIDES, SIDES, st.integers(0, 10**6))
def test_pieces_put_back_together_are_the_mask(height: int, width: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random((height, width)) < 0.4
    size = Size(height, width)
    pieces = components(mask)
    whole = np.zeros(size, dtype=int)
    for piece in pieces:
        runs = encode_at(piece.pixels, piece.box, size)
        assert runs.area == piece.area
        whole += decode(runs)
    assert np.array_equal(whole, mask)


def test_the_largest_pieces_are_kept_in_their_order() -> None:
    mask = np.zeros((9, 30), dtype=bool)
    for place, side in ((0, 2), (5, 1), (10, 4), (20, 3)):
        mask[:side, place : place + side] = True
    assert [piece.area for piece in components(mask)] == [4, 1, 16, 9]
    assert [piece.area for piece in components(mask, most=2)] == [16, 9]
    assert [piece.area for piece in components(mask, smallest_area=4, most=9)] == [4, 16, 9]
    assert components(mask, smallest_area=17) == []


@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.transpose])
def test_views_of_masks_will_do(turn: object) -> None:
    mask = np.zeros((5, 8), dtype=bool)
    mask[1:3, 2:6] = True
    assert [piece.area for piece in components(turn(mask))] == [8]  # type: ignore[operator]
