"""Groups, labels and classes beside a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_datasets as small

from flawscope.data import read
from flawscope.data.listing import Listing
from flawscope.data.sidecars import (
    LabelRow,
    format_groups,
    format_labels,
    parse_groups,
    parse_labels,
    read_classes,
)
from flawscope.values import Label


def test_labels_come_back() -> None:
    rows = [
        LabelRow("a, b.png", Label.DEFECTIVE, "train", ('3" dent', "pit")),
        LabelRow("c.png", Label.GOOD),
        LabelRow("d.png", split="test"),
    ]
    assert parse_labels(format_labels(rows)) == rows


def test_groups_come_back() -> None:
    groups = {"a, b.png": "1", "c.png": "part 2"}
    assert parse_groups(format_groups(groups.items())) == groups


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_groups_as_spreadsheets_save_them(
    tmp_path: Path, encoding: str, delimiter: str, ends: str
) -> None:
    small.folder_per_label(tmp_path)
    ids = [sample.id for sample in read(tmp_path).samples]
    rows = [
        delimiter.join(cells) for cells in [("image", "group"), *((id_, "größe") for id_ in ids)]
    ]
    (tmp_path / "groups.csv").write_bytes(ends.join(rows).encode(encoding))
    dataset = read(tmp_path)
    assert {sample.group for sample in dataset.samples} == {"größe"}
    assert dataset.problems == ()


def test_a_class_without_a_name_moves_no_other(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("\n crack \n\npit\n\n")
    assert read_classes(Listing(tmp_path)) == ("crack", "defect", "pit")


def test_a_labels_file_of_other_columns_is_somebody_elses(tmp_path: Path) -> None:
    small.folder_per_label(tmp_path)
    (tmp_path / "labels.csv").write_text("file,class\none.jpg,3\n")
    assert read(tmp_path).problems == ()
    assert parse_labels("file,class\none.jpg,3\n") == []


def test_labels_add_what_the_layout_cannot_say(tmp_path: Path) -> None:
    small.labelme(tmp_path)
    (tmp_path / "labels.csv").write_text(
        "image,label,split,kinds\nunseen.jpg,defective,,dent,pit\nclean.jpg,,test\n"
    )
    samples = {sample.id: sample for sample in read(tmp_path).samples}
    unseen = samples["unseen.jpg"]
    assert (unseen.label, unseen.kinds) == (Label.DEFECTIVE, ("dent", "pit"))
    assert unseen.defects is None
    assert (samples["clean.jpg"].label, samples["clean.jpg"].split) == (Label.GOOD, "test")
    assert read(tmp_path).kinds == ("dent", "pit", "scratch")


def test_labels_do_not_overrule_places(tmp_path: Path) -> None:
    small.labelme(tmp_path)
    (tmp_path / "labels.csv").write_text("image,label,split,kinds\none.jpg,good\ngone.jpg,good\n")
    dataset = read(tmp_path)
    assert next(s for s in dataset.samples if s.id == "one.jpg").label == Label.DEFECTIVE
    assert ["one.jpg" in dataset.problems[0].what, "gone.jpg" in dataset.problems[1].what] == [
        True,
        True,
    ]


@pytest.mark.parametrize("row", ["one.jpg,bad", "one.jpg,good,holdout"])
def test_words_that_mean_nothing_are_named(tmp_path: Path, row: str) -> None:
    small.labelme(tmp_path)
    (tmp_path / "labels.csv").write_text(f"image,label,split,kinds\n{row}\n")
    (problem,) = read(tmp_path).problems
    assert problem.where == "labels.csv"


@pytest.mark.parametrize("name", ["groups.csv", "labels.csv"])
def test_unreadable_sidecars_are_named(tmp_path: Path, name: str) -> None:
    small.labelme(tmp_path)
    (tmp_path / name).write_bytes(b"image,label,split,kinds\n\xff\xfe,good\n")
    (problem,) = read(tmp_path).problems
    assert problem.where == name
