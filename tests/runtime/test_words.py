"""Reasons that a line operator understands."""

from __future__ import annotations

import time

import numpy as np
import pytest

from flawscope.masks import encode
from flawscope.runtime.words import describe, extent, percent, place, reasons
from flawscope.values import UNNAMED, Box, Defect, KindPolicy, Policy, Size

SIZE = Size(300, 600)
POLICY = Policy(accept_below=0.2, reject_above=0.8)
TIMES = "\N{MULTIPLICATION SIGN}"


def boxed(kind: str, left: int, top: int, width: int, height: int, score: float = 0.97) -> Defect:
    return Defect(kind, Box(left, top, left + width, top + height), None, score)


def test_millimetres_where_the_scale_is_known() -> None:
    crack = boxed("crack", 10, 130, 28, 6)
    assert describe([crack], SIZE, 0.5) == f"crack, 14 {TIMES} 3 mm at the left edge, 97 %"
    assert describe([crack], SIZE) == f"crack, 28 {TIMES} 6 px at the left edge, 97 %"
    assert describe([crack], SIZE, 0.011) == f"crack, 0.31 {TIMES} 0.066 mm at the left edge, 97 %"
    assert describe([crack], SIZE, 50) == f"crack, 1400 {TIMES} 300 mm at the left edge, 97 %"


def test_kinds_at_one_place_are_told_together() -> None:
    defects = [
        boxed("fray", 10, 130, 30, 6),
        boxed("crack", 10, 130, 28, 6),
        boxed("crack", 400, 130, 28, 6, 0.9),
        boxed(UNNAMED, 12, 130, 28, 6, 0.8),
        boxed("stain", 12, 130, 28, 6, 0.7),
        boxed("pit", 12, 130, 28, 6, 0.6),
    ]
    said = reasons(0.97, {"crack": 0.9, "fray": 0.4}, defects, POLICY, SIZE, None)
    assert said == (
        f"crack or fray or stain, 28 {TIMES} 6 px at the left edge, 97 %",
        f"crack, 28 {TIMES} 6 px at the right edge, 90 %",
    )


def test_thousands_of_places_are_counted_in_no_time() -> None:
    defects = [boxed("pit", 3 * (n % 190), 3 * (n // 190), 2, 2, 0.9) for n in range(6000)]
    began = time.process_time()
    said = reasons(0.97, {"pit": 0.9}, defects, POLICY, SIZE, None)
    assert time.process_time() - began < 1.0
    assert said[-1] == "and 5,995 more places"


def test_length_is_measured_along_the_defect() -> None:
    mask = np.zeros(SIZE, dtype=bool)
    steps = np.arange(100)
    for thick in range(4):
        mask[100 + steps, 200 + steps + thick] = True
    defect = Defect("scratch", Box(200, 100, 303, 200), encode(mask), 0.9)
    length, width = extent(defect)
    assert length == pytest.approx(143, abs=2)
    assert width == pytest.approx(3.5, abs=0.8)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        (Box(0, 0, 10, 10), "in the top left corner"),
        (Box(290, 0, 310, 5), "at the top edge"),
        (Box(590, 290, 600, 300), "in the bottom right corner"),
        (Box(280, 140, 320, 160), "in the centre"),
        (Box(580, 140, 600, 160), "at the right edge"),
        (Box(0, 140, 500, 160), "across the middle"),
        (Box(0, 290, 600, 300), "across the bottom"),
        (Box(590, 0, 600, 300), "down the right side"),
        (Box(0, 0, 600, 300), "over most of the picture"),
    ],
)
def test_places(box: Box, words: str) -> None:
    assert place(box, SIZE) == words


def test_the_only_pixel_has_a_place() -> None:
    assert place(Box(0, 0, 1, 1), Size(1, 1)) == "over most of the picture"


def test_certainty_is_never_overstated() -> None:
    shares = (0.0, 0.004, 0.5, 0.994, 0.9999, 1.0)
    expected = ["0 %", "under 1 %", "50 %", "over 99 %", "over 99 %", "100 %"]
    assert [percent(share) for share in shares] == expected


def test_accepted_parts_look_good() -> None:
    assert reasons(0.03, {}, [], POLICY, SIZE, None) == ("looks good (3 % likely defective)",)


def test_a_part_without_a_place_says_so() -> None:
    kinds = {"crack": 0.7, "pit": 0.1, "dent": 0.9}
    said = reasons(0.83, kinds, [], POLICY, SIZE, None)
    assert said == (
        "looks defective (83 %), perhaps dent (90 %) and crack (70 %), but no place stands out",
    )
    assert reasons(0.83, {"pit": 0.1}, [], POLICY, SIZE, None) == (
        "looks defective (83 %), but no place stands out",
    )
    strict = POLICY.model_copy(update={"kinds": {"dent": KindPolicy(probability=0.95)}})
    assert "dent" not in reasons(0.83, {"dent": 0.9}, [], strict, SIZE, None)[0]


def test_a_part_under_review_says_between_what() -> None:
    said = reasons(0.62, {}, [boxed("pit", 0, 0, 4, 4)], POLICY, SIZE, None)
    assert said == (
        f"pit, 4 {TIMES} 4 px in the top left corner, 97 %",
        "62 % likely defective: accepted under 20 %, rejected from 80 %, so a person should look",
    )


def test_unnamed_defects_and_long_lists() -> None:
    defects = [boxed(UNNAMED, 0, 0, 4, 4)] * 6
    said = reasons(0.9, {}, defects, POLICY, SIZE, None)
    assert len(said) == 6
    assert said[0].startswith("defect of no known kind, 4")
    assert said[-1] == "and 1 more place"
    assert reasons(0.9, {}, defects * 2, POLICY, SIZE, None)[-1] == "and 7 more places"
