"""Run lengths of COCO and Kaggle, against pycocotools and against themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from flawscope.data.runs import checked, from_coco_string, from_kaggle, to_coco_string, to_kaggle
from flawscope.errors import MaskError
from flawscope.masks import components, decode, encode, encode_at
from flawscope.values import Size

masks = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 40)))
SIZE = Size(4, 5)


@settings(max_examples=150, deadline=None)
@given(masks)
def test_compressed_strings_are_those_of_pycocotools(mask: NDArray[np.bool_]) -> None:
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    runs = encode(mask)
    assert to_coco_string(runs) == theirs
    assert from_coco_string(theirs, runs.size) == runs


def test_long_runs_need_several_characters() -> None:
    mask = np.zeros((2000, 3000), dtype=bool)
    mask[100:1900, 500:2500] = True
    theirs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert to_coco_string(encode(mask)) == theirs
    np.testing.assert_array_equal(decode(from_coco_string(theirs, Size(2000, 3000))), mask)


@settings(max_examples=150, deadline=None)
@given(masks)
def test_kaggle_pairs_come_back(mask: NDArray[np.bool_]) -> None:
    runs = encode(mask)
    back = from_kaggle(to_kaggle(runs), runs.size)
    np.testing.assert_array_equal(decode(back), mask)


def test_kaggle_counts_from_one_down_the_columns() -> None:
    mask = decode(from_kaggle("2 2 9 1", SIZE))
    assert sorted(zip(*np.nonzero(mask), strict=True)) == [(0, 2), (1, 0), (2, 0)]


@pytest.mark.parametrize("text", ["", "0 0", " -1 ", "nan"])
def test_kaggle_has_several_ways_to_say_nothing(text: str) -> None:
    assert from_kaggle(text, SIZE).area == 0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 2 3", "do not make pairs"),
        ("1 x", "whole numbers"),
        ("1_0 4", "whole numbers"),
        ("+1 4", "whole numbers"),
        ("1 99999999999999999999", "whole numbers"),
        ("0 3", "before the first"),
        ("-4 3", "before the first"),
        ("4 0", "no length"),
        ("4 -2", "no length"),
        ("1 4 3 2", "overlap"),
        ("3 2 3 1", "overlap"),
        ("9 1 2 2", "not in order"),
        ("19 3", "19 3 ends beyond the last of 5 x 4"),
        ("21 1", "21 1 ends beyond"),
        ("1 1 3 9223372036854775807", "3 9223372036854775807 ends beyond"),
    ],
)
def test_bad_kaggle_pairs_say_why(text: str, reason: str) -> None:
    with pytest.raises(MaskError, match=reason):
        from_kaggle(text, SIZE)


@pytest.mark.parametrize("text", ["P", "0é", "é", "5"])
def test_bad_compressed_strings_are_refused(text: str) -> None:
    with pytest.raises(MaskError):
        from_coco_string(text, SIZE)


@pytest.mark.parametrize("counts", [[-1, 21], [3], [10, 11]])
def test_bad_uncompressed_counts_are_refused(counts: list[int]) -> None:
    with pytest.raises(MaskError):
        checked(counts, SIZE)


@settings(max_examples=150, deadline=None)
@given(masks)
def test_a_piece_encoded_in_its_box_is_the_piece_in_the_whole(mask: NDArray[np.bool_]) -> None:
    size = Size(*mask.shape)
    for piece in components(mask):
        whole = np.zeros(size, dtype=bool)
        box = piece.box
        whole[box.top : box.bottom, box.left : box.right] = piece.pixels
        assert encode_at(piece.pixels, box, size) == encode(whole)
