"""What each level of label teaches, and that nothing is taught that nobody looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from train_parts import KINDS, defect, lesson, sample, tiny

from flawscope.train.supervision import (
    CLEAN,
    DEFECT,
    SOMEWHERE,
    UNKNOWN,
    answers,
    places,
    plan,
)
from flawscope.values import UNNAMED, Box, Dataset, Label, Size

pytestmark = pytest.mark.train

SIZE = Size(40, 60)
BOX = Box(10, 5, 30, 25)
OTHER = Box(40, 20, 50, 30)
MODEL_KINDS = (*KINDS, "stain")
"""The labellers of the lessons below looked for the first two; nobody looked for stains."""

ANY, PIT, SCRATCH, STAIN = range(4)


def within(channel: np.ndarray, box: Box) -> set[int]:
    return set(np.unique(channel[box.top : box.bottom, box.left : box.right]).tolist())


def outside(channel: np.ndarray, *boxes: Box) -> set[int]:
    kept = np.ones(channel.shape, dtype=bool)
    for box in boxes:
        kept[box.top : box.bottom, box.left : box.right] = False
    return set(np.unique(channel[kept]).tolist())


def told(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in values]


def test_masks_teach_places_and_both_questions() -> None:
    one = lesson(sample(Label.DEFECTIVE, [defect("pit", BOX, SIZE)]))
    known = places(one, MODEL_KINDS)
    assert [channel.shape for channel in known] == [tuple(SIZE)] * 4
    assert {channel.dtype for channel in known} == {np.dtype(np.uint8)}
    for channel in (ANY, PIT):
        assert within(known[channel], BOX) == {DEFECT}
        assert outside(known[channel], BOX) == {CLEAN}
    assert set(np.unique(known[SCRATCH])) == {CLEAN}
    assert told(answers(one, MODEL_KINDS)) == [1.0, 1.0, 0.0, None]


def test_a_kind_nobody_looked_for_is_absent_only_where_no_defect_is() -> None:
    one = lesson(sample(Label.DEFECTIVE, [defect("pit", BOX, SIZE)]))
    stain = places(one, MODEL_KINDS)[STAIN]
    assert within(stain, BOX) == {UNKNOWN}
    assert outside(stain, BOX) == {CLEAN}


def test_boxes_teach_where_it_is_clean() -> None:
    one = lesson(sample(Label.DEFECTIVE, [defect("pit", BOX, SIZE, masked=False)]))
    known = places(one, MODEL_KINDS)
    for channel in (ANY, PIT):
        assert within(known[channel], BOX) == {SOMEWHERE}
        assert outside(known[channel], BOX) == {CLEAN}
    assert set(np.unique(known[SCRATCH])) == {CLEAN}
    assert within(known[STAIN], BOX) == {UNKNOWN}
    assert told(answers(one, MODEL_KINDS)) == [1.0, 1.0, 0.0, None]


def test_a_mask_says_more_than_a_box_around_it() -> None:
    around = Box(5, 0, 35, 30)
    for pair in (("pit", "pit"), ("pit", "scratch")):
        marks = [defect(pair[0], BOX, SIZE), defect(pair[1], around, SIZE, masked=False)]
        for order in (marks, marks[::-1]):
            anything = places(lesson(sample(Label.DEFECTIVE, order)), MODEL_KINDS)[ANY]
            assert within(anything, BOX) == {DEFECT}
            assert within(anything, Box(5, 0, 35, 5)) == {SOMEWHERE}


def test_kinds_alone_teach_no_place() -> None:
    one = lesson(sample(Label.DEFECTIVE, kinds=("scratch",)))
    assert {int(value) for channel in places(one, MODEL_KINDS) for value in channel.flat} == {
        UNKNOWN
    }
    assert told(answers(one, MODEL_KINDS)) == [1.0, 0.0, 1.0, None]


def test_a_label_alone_teaches_one_question() -> None:
    one = lesson(sample(Label.DEFECTIVE))
    assert all((channel == UNKNOWN).all() for channel in places(one, MODEL_KINDS))
    assert told(answers(one, MODEL_KINDS)) == [1.0, None, None, None]


def test_a_good_part_is_clean_of_everything() -> None:
    one = lesson(sample(Label.GOOD))
    assert all((channel == CLEAN).all() for channel in places(one, MODEL_KINDS))
    assert told(answers(one, MODEL_KINDS)) == [0.0, 0.0, 0.0, 0.0]


def test_a_defect_without_a_name_may_be_of_any_kind() -> None:
    marks = [defect(UNNAMED, BOX, SIZE), defect("pit", OTHER, SIZE)]
    one = lesson(sample(Label.DEFECTIVE, marks))
    known = places(one, MODEL_KINDS)
    assert within(known[ANY], BOX) == within(known[ANY], OTHER) == {DEFECT}
    for channel in (PIT, SCRATCH, STAIN):
        assert within(known[channel], BOX) == {UNKNOWN}
        assert outside(known[channel], BOX, OTHER) == {CLEAN}
    assert within(known[PIT], OTHER) == {DEFECT}
    assert told(answers(one, MODEL_KINDS)) == [1.0, 1.0, None, None]


def test_a_box_at_the_border_of_the_image_is_kept_inside() -> None:
    corner = Box(50, 30, 60, 40)
    known = places(lesson(sample(Label.DEFECTIVE, [defect("pit", corner, SIZE)])), MODEL_KINDS)
    assert np.count_nonzero(known[PIT] == DEFECT) == 100


def test_channels_of_which_the_same_is_known_are_one_array() -> None:
    many = tuple(f"kind-{number}" for number in range(50))
    known = places(lesson(sample(Label.GOOD), vocabulary=()), many)
    assert len(known) == 51
    assert len({id(channel) for channel in known}) == 1
    mark = defect("kind-0", BOX, SIZE)
    known = places(lesson(sample(Label.DEFECTIVE, [mark]), vocabulary=range(50)), many)
    assert len({id(channel) for channel in known}) <= 4


def dataset(name: str, kinds: tuple[str, ...], *samples) -> Dataset:
    return Dataset(Path("/parts") / name, "image-mask-trees", kinds, samples)


def test_kinds_of_all_datasets_make_one_vocabulary() -> None:
    first = dataset("first", ("pit",), sample(Label.DEFECTIVE, [defect("pit", BOX, SIZE)]))
    second = dataset("second", ("scratch", UNNAMED), sample(Label.GOOD, split="validation"))
    curriculum = plan([second, first], tiny())
    assert curriculum.kinds == ("pit", "scratch")
    assert curriculum.lessons["train"][0].vocabulary == (0,)
    assert curriculum.lessons["validation"][0].vocabulary == (1,)
    assert curriculum.lessons["validation"][0].dataset == "second"


def test_what_has_no_label_or_no_split_is_left_out() -> None:
    parts = dataset(
        "parts",
        ("pit",),
        sample(Label.UNKNOWN),
        sample(Label.GOOD, split=None),
        sample(Label.GOOD, split="test"),
    )
    assert {split: len(some) for split, some in plan([parts], tiny()).lessons.items()} == {
        "train": 0,
        "validation": 0,
        "test": 1,
    }


def test_kinds_are_renamed_and_a_dropped_name_keeps_its_defect() -> None:
    marks = [defect("pit", BOX, SIZE), defect("scratch", OTHER, SIZE)]
    recipe = tiny().model_copy(update={"rename": {"parts": {"pit": "hole", "scratch": None}}})
    curriculum = plan([dataset("parts", KINDS, sample(Label.DEFECTIVE, marks))], recipe)
    assert curriculum.kinds == ("hole",)
    (one,) = curriculum.lessons["train"]
    assert one.sample.kinds == ("hole",)
    anything, hole = places(one, curriculum.kinds)
    assert within(anything, OTHER) == {DEFECT}
    assert within(hole, BOX) == {DEFECT}
    assert within(hole, OTHER) == {UNKNOWN}


def test_renaming_two_kinds_to_one_joins_them() -> None:
    marks = [defect("pit", BOX, SIZE), defect("scratch", OTHER, SIZE)]
    recipe = tiny().model_copy(update={"rename": {"parts": {"pit": "flaw", "scratch": "flaw"}}})
    curriculum = plan([dataset("parts", KINDS, sample(Label.DEFECTIVE, marks))], recipe)
    (one,) = curriculum.lessons["train"]
    assert one.sample.kinds == curriculum.kinds == ("flaw",)
    assert told(answers(one, curriculum.kinds)) == [1.0, 1.0]


def test_samples_stay_as_they_were_read() -> None:
    whole = sample(Label.DEFECTIVE, [defect("pit", BOX, SIZE)])
    curriculum = plan([dataset("parts", KINDS, whole)], tiny())
    assert curriculum.lessons["train"][0].sample == replace(whole)
