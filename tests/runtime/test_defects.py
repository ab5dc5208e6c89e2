"""Probability maps to defects, by a policy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from flawscope.fit import Stitcher, plan_fit
from flawscope.masks import decode
from flawscope.runtime.cascade import Answer
from flawscope.runtime.defects import find_defects
from flawscope.values import UNNAMED, Box, Defect, Gate, InputFit, KindPolicy, Policy, Size

SIZE = Size(96, 128)


def answer(score: float, kinds: Mapping[str, float], **maps: list[tuple[Box, float]]) -> Answer:
    """What a cascade would say, whose maps show these boxes at these probabilities."""
    plan = plan_fit(SIZE, InputFit(multiple=32, smallest=32, tile=128, overlap=0))
    stitcher = Stitcher(plan)
    for channel, boxes in maps.items():
        values = np.zeros(SIZE, dtype=np.float32)
        for box, probability in boxes:
            values[box.top : box.bottom, box.left : box.right] = probability
        stitcher.add(plan.tiles[0], {channel: values})
    return Answer(score, kinds, stitcher)


def found(answer: Answer, **policy: object) -> list[tuple[str, Box, float]]:
    defects, _ = find_defects(answer, Policy(**policy))
    return [(defect.kind, defect.box, round(defect.score, 2)) for defect in defects]


CRACK = Box(10, 10, 40, 14)
PIT = Box(80, 50, 90, 60)


def test_hard_gates_veto_and_soft_gates_weigh() -> None:
    said = answer(0.9, {"crack": 0.8, "pit": 0.4}, crack=[(CRACK, 0.7)], pit=[(PIT, 0.9)])
    assert found(said, gate=Gate.HARD) == [("crack", CRACK, 0.7)]
    assert found(said, gate=Gate.SOFT) == [("crack", CRACK, 0.56)]
    assert found(said, gate=Gate.NONE) == [("pit", PIT, 0.9), ("crack", CRACK, 0.7)]
    eager = {"pit": KindPolicy(probability=0.4, mask_probability=0.3)}
    assert ("pit", PIT, 0.36) in found(said, gate=Gate.SOFT, kinds=eager)
    assert ("pit", PIT, 0.9) in found(said, gate=Gate.HARD, kinds=eager)


def test_small_pieces_are_dropped_by_kind() -> None:
    said = answer(0.9, {"pit": 0.9}, pit=[(PIT, 0.9), (Box(0, 0, 3, 3), 0.9)])
    assert len(found(said)) == 2
    assert found(said, kinds={"pit": KindPolicy(smallest_area=10)}) == [("pit", PIT, 0.9)]
    assert len(found(said, kinds={"pit": KindPolicy(smallest_area=9)})) == 2


def test_pieces_that_touch_at_a_corner_are_one() -> None:
    said = answer(0.9, {"pit": 0.9}, pit=[(Box(0, 0, 5, 5), 0.9), (Box(5, 5, 9, 9), 0.9)])
    assert found(said) == [("pit", Box(0, 0, 9, 9), 0.9)]


def test_kinds_may_share_pixels() -> None:
    said = answer(0.9, {"pit": 0.9, "stain": 0.9}, pit=[(PIT, 0.9)], stain=[(PIT, 0.8)])
    assert [kind for kind, _, _ in found(said)] == ["pit", "stain"]


def test_what_no_kind_explains_is_unnamed() -> None:
    other = Box(20, 70, 30, 80)
    maps = {"crack": [(CRACK, 0.9)], UNNAMED: [(CRACK, 0.95), (other, 0.8)]}
    said = answer(0.9, {"crack": 0.9}, **maps)
    assert found(said) == [("crack", CRACK, 0.9), (UNNAMED, other, 0.8)]
    doubted = answer(0.9, {"crack": 0.1}, **maps)
    # Of the two, the part's own probability is the most that can be said.
    assert found(doubted) == [(UNNAMED, CRACK, 0.9), (UNNAMED, other, 0.8)]


def test_the_rim_of_a_named_defect_is_no_other_defect() -> None:
    """The two channels never agree to the pixel on where a defect ends."""
    wider = Box(CRACK.left - 6, CRACK.top - 6, CRACK.right + 6, CRACK.bottom + 6)
    said = answer(0.9, {"crack": 0.9}, crack=[(CRACK, 0.9)], **{UNNAMED: [(wider, 0.9)]})
    assert found(said) == [("crack", CRACK, 0.9)]
    far = Box(CRACK.left, CRACK.top, CRACK.right + 40, CRACK.bottom)
    said = answer(0.9, {"crack": 0.9}, crack=[(CRACK, 0.9)], **{UNNAMED: [(far, 0.8)]})
    rest = Box(CRACK.right, CRACK.top, far.right, far.bottom)
    assert found(said) == [("crack", CRACK, 0.9), (UNNAMED, rest, 0.8)]


def test_the_unnamed_channel_has_its_own_rule() -> None:
    said = answer(0.45, {}, **{UNNAMED: [(PIT, 0.6)]})
    assert found(said) == []
    eager = KindPolicy(probability=0.3)
    assert found(said, unnamed=eager) == [(UNNAMED, PIT, 0.45)]
    assert found(said, unnamed=KindPolicy(probability=0.3, mask_probability=0.7)) == []
    assert found(said, unnamed=eager, gate=Gate.SOFT) == []


def test_a_score_is_the_heart_of_a_defect() -> None:
    """Not the one pixel that is brightest, and not thinned by a blurred rim."""
    heart = Box(84, 54, 87, 57)
    said = answer(0.9, {"pit": 0.9}, pit=[(PIT, 0.55), (heart, 0.9), (Box(85, 55, 86, 56), 1.0)])
    assert found(said) == [("pit", PIT, 0.55)]
    wide = Box(82, 52, 88, 58)
    said = answer(0.9, {"pit": 0.9}, pit=[(PIT, 0.55), (wide, 0.9), (Box(85, 55, 86, 56), 1.0)])
    assert found(said) == [("pit", PIT, 0.9)]


def test_masks_and_heat() -> None:
    said = answer(
        0.9,
        {"crack": 0.9, "pit": 0.2},
        crack=[(CRACK, 0.75)],
        pit=[(PIT, 1.0)],
        defect=[(PIT, 0.5)],
    )
    defects, heat = find_defects(said, Policy())
    (crack, unnamed) = defects
    assert isinstance(crack, Defect)
    assert crack.mask is not None
    shown = decode(crack.mask)
    assert shown.sum() == CRACK.width * CRACK.height
    assert shown[CRACK.top, CRACK.left]
    assert unnamed.kind == UNNAMED
    assert heat is not None
    assert heat.shape == SIZE
    assert heat[CRACK.top, CRACK.left] == pytest.approx(0.75)
    assert heat[PIT.top, PIT.left] == pytest.approx(0.5)  # what its vetoed kind said is left out


def test_nothing_located() -> None:
    assert find_defects(Answer(0.9, {}, None), Policy()) == ((), None)
    vetoed = answer(0.9, {"pit": 0.1}, pit=[(PIT, 1.0)])
    assert find_defects(vetoed, Policy()) == ((), None)


def test_probability_zero_makes_no_defect_of_the_whole_picture_only_if_asked() -> None:
    said = answer(0.9, {"pit": 0.9}, pit=[(PIT, 0.9)])
    everything = {"pit": KindPolicy(mask_probability=0.0)}
    assert found(said, kinds=everything) == [("pit", Box(0, 0, 128, 96), 0.0)]


def test_noise_is_bounded() -> None:
    """A model that sees defects everywhere must not take an hour to say so."""
    dots = [(Box(x, y, x + 1, y + 1), 0.9) for y in range(0, 96, 2) for x in range(0, 128, 2)]
    said = answer(0.9, {"pit": 0.9}, pit=[*dots, (PIT, 0.9)])
    places = found(said)
    assert len(places) == 1000
    assert ("pit", Box(80, 50, 91, 61), 0.9) in places or ("pit", PIT, 0.9) in places
