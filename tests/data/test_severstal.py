"""Kaggle's steel tables: what each faulty row is called, and that the others are read."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import small_datasets as small

from flawscope.data import check, convert, read
from flawscope.data.kaggle import parse_table
from flawscope.data.listing import Listing
from flawscope.data.readers import severstal
from flawscope.data.runs import from_kaggle, to_kaggle
from flawscope.errors import DatasetError
from flawscope.masks import decode, encode, union
from flawscope.values import Dataset, Label, ProblemCode, Sample, Size

FORMS = ("joined", "long", "wide")
WRITERS = {
    "joined": small.severstal_joined,
    "long": small.severstal_long,
    "wide": small.severstal_wide,
}


def samples(dataset: Dataset) -> dict[str, Sample]:
    return {PurePosixPath(sample.id).stem: sample for sample in dataset.samples}


def rows_of(form: str, image: str, class_: str, runs: str) -> list[str]:
    """The row of a table of this form that says one thing of one image."""
    if form == "joined":
        return [f"{image}_{class_}", runs]
    if form == "long":
        return [image, class_, runs]
    return [image, *(runs if number == class_ else "0 0" for number in "12"), "1"]


def add_row(root: Path, cells: list[str]) -> int:
    """Adds a row to the table; gives its number."""
    with (root / "train.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(cells)
    return len((root / "train.csv").read_text().splitlines())


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """One of the forms, written to ``tmp_path`` with an image ``odd.jpg`` that is not listed."""
    WRITERS[request.param](tmp_path)
    folder = tmp_path if request.param == "wide" else tmp_path / "train_images"
    small.photograph(folder / "odd.jpg", seed=9)
    return request.param


@pytest.mark.parametrize(
    ("runs", "what"),
    [
        ("1 4 3 2", "two runs overlap"),
        ("9 2 1 2", "the runs are not in order"),
        ("1 2 5", "3 numbers do not make pairs"),
        ("-3 4", "starts before the first pixel"),
        ("3 -4", "has no length"),
        ("0 4", "starts before the first pixel"),
        ("2400 2", "the run 2400 2 ends beyond the last of 60 x 40 pixels"),
        ("9999 1", "ends beyond"),
        ("one 4", "not whole numbers"),
        ("1.5 4", "not whole numbers"),
        ("1,4", "not whole numbers"),
    ],
)
def test_bad_run_lengths_name_file_row_and_image(
    tmp_path: Path, form: str, runs: str, what: str
) -> None:
    row = add_row(tmp_path, rows_of(form, "odd.jpg", "1", runs))
    dataset = read(tmp_path)
    (problem,) = dataset.problems
    assert problem.where == "train.csv"
    assert problem.what.startswith(f"row {row}: class 1 of ")
    assert "odd.jpg: " in problem.what
    assert what in problem.what
    assert problem.code is ProblemCode.UNUSABLE_LABEL
    found = samples(dataset)
    assert (found["odd"].label, found["odd"].kinds) == (Label.DEFECTIVE, ("1",))
    assert found["odd"].defects is None, "a place that is lost is not a clean place"
    assert union([one.mask for one in found["one"].defects], found["one"].size).any()
    assert found["clean"].label is Label.GOOD


@pytest.mark.parametrize("nothing", ["", "0 0", " ", "-1", "nan"])
def test_nothing_is_written_in_several_ways(tmp_path: Path, form: str, nothing: str) -> None:
    add_row(tmp_path, rows_of(form, "odd.jpg", "2", nothing))
    dataset = read(tmp_path)
    assert dataset.problems == ()
    assert (samples(dataset)["odd"].label, samples(dataset)["odd"].defects) == (Label.GOOD, ())


@pytest.mark.parametrize("class_", ["5", "0", "x", "1.0", "-1"])
def test_a_class_that_the_steel_has_not_is_named(tmp_path: Path, class_: str) -> None:
    for form in ("joined", "long"):
        root = tmp_path / form
        WRITERS[form](root)
        small.photograph(root / "train_images" / "odd.jpg", seed=9)
        row = add_row(root, rows_of(form, "odd.jpg", class_, "1 4"))
        dataset = read(root)
        (problem,) = dataset.problems
        assert problem.what.startswith(f"row {row}: class {class_} of train_images/odd.jpg: ")
        assert "none of 1 to 4" in problem.what
        odd = samples(dataset)["odd"]
        assert (odd.label, odd.kinds, odd.defects) == (Label.DEFECTIVE, None, None)
        assert dataset.kinds == ("1", "2")


def test_a_fifth_column_is_named_once_however_many_rows_leave_it_empty(tmp_path: Path) -> None:
    small.severstal_wide(tmp_path)
    table = tmp_path / "train.csv"
    titles, *rows = table.read_text().splitlines()
    table.write_text("\n".join([f"{titles},5", *(f"{row},0 0" for row in rows)]))
    (problem,) = read(tmp_path).problems
    assert problem.what.startswith("row 1: class 5 is none of 1 to 4")
    (tmp_path / "classes.txt").write_text("a\nb\nc\nd\ne\n")
    dataset = read(tmp_path)
    assert dataset.problems == ()
    assert dataset.kinds == ("a", "b", "c", "d", "e"), "all that were looked for"


def test_listed_but_absent_images_are_named_with_their_first_row(tmp_path: Path, form: str) -> None:
    row = add_row(tmp_path, rows_of(form, "gone.jpg", "1", "1 4"))
    add_row(tmp_path, rows_of(form, "gone.jpg", "2", "9 4"))
    dataset = read(tmp_path)
    (problem,) = dataset.problems
    assert (problem.where, problem.code) == ("train.csv", ProblemCode.MISSING_FILE)
    assert problem.what == f"row {row}: names the image gone.jpg, which does not exist"


def test_present_but_unlisted_images(tmp_path: Path) -> None:
    small.severstal_long(tmp_path)
    small.photograph(tmp_path / "elsewhere" / "other.jpg", seed=8)
    found = samples(read(tmp_path))
    assert found["clean"].label is Label.GOOD, "the table lists the defects of train_images alone"
    assert found["unseen"].label is Label.UNKNOWN, "nobody looked at test_images"
    assert found["other"].label is Label.UNKNOWN


def test_a_joined_table_without_its_empty_rows_lists_defects_alone(tmp_path: Path) -> None:
    small.severstal_joined(tmp_path)
    assert samples(read(tmp_path))["unseen"].label is Label.UNKNOWN
    table = tmp_path / "train.csv"
    full = table.read_text().splitlines()
    table.write_text("\n".join(row for row in full if not row.endswith(",")))
    assert len(table.read_text().splitlines()) == 3
    found = samples(read(tmp_path))
    assert {stem for stem, one in found.items() if one.label is Label.GOOD} == {"clean", "unseen"}


def test_ragged_rows_are_left_out_alone(tmp_path: Path, form: str) -> None:
    """Nobody knows what such a row was to say, so its image is not clean either."""
    cells = rows_of(form, "odd.jpg", "1", "1 4")
    row = add_row(tmp_path, [*cells, "more"])
    dataset = read(tmp_path)
    (problem,) = dataset.problems
    assert problem.what.startswith(f"row {row}: odd.jpg")
    assert f"has {len(cells) + 1} fields, not {len(cells)}" in problem.what
    found = samples(dataset)
    assert found["odd"].label is Label.UNKNOWN
    assert found["one"].defects
    assert found["clean"].label is Label.GOOD


def test_a_ragged_row_of_an_image_with_others_leaves_its_places_unknown(tmp_path: Path) -> None:
    small.severstal_long(tmp_path)
    add_row(tmp_path, ["one.jpg", "2"])
    one = samples(read(tmp_path))["one"]
    assert (one.label, one.kinds, one.defects) == (Label.DEFECTIVE, None, None)


@pytest.mark.parametrize("named", ["odd.jpg", "_1", "odd.jpg_"])
def test_a_joined_name_without_image_or_class_is_named(tmp_path: Path, named: str) -> None:
    small.severstal_joined(tmp_path)
    row = add_row(tmp_path, [named, "1 4"])
    (problem,) = read(tmp_path).problems
    assert problem.what.startswith(f"row {row}: ")
    assert "names no image with a class" in problem.what


def test_several_rows_of_one_class_are_one_mask_unless_they_overlap(tmp_path: Path) -> None:
    small.severstal_long(tmp_path)
    small.photograph(tmp_path / "train_images" / "odd.jpg", seed=9)
    add_row(tmp_path, ["odd.jpg", "1", "100 5"])
    add_row(tmp_path, ["odd.jpg", "1", "1 5"])
    odd = samples(read(tmp_path))["odd"]
    assert sum(one.mask.area for one in odd.defects) == 10
    add_row(tmp_path, ["odd.jpg", "1", "103 5"])
    (problem,) = read(tmp_path).problems
    assert problem.what.startswith("row 4 and 5 and 6: class 1 of train_images/odd.jpg: two runs")


def test_a_submission_is_no_table_of_labels(tmp_path: Path) -> None:
    small.severstal_long(tmp_path)
    (tmp_path / "submission.csv").write_text("ImageId_ClassId,EncodedPixels\nunseen.jpg_1,1 4\n")
    assert samples(read(tmp_path))["unseen"].label is Label.UNKNOWN


def test_what_is_no_table_is_an_error() -> None:
    with pytest.raises(DatasetError, match="no form of Kaggle run lengths"):
        parse_table("a,b\n1,2\n")


@pytest.mark.parametrize("kinds", [("1", "5"), ("0", "1"), ("dent",)])
def test_kinds_that_are_not_the_steels_come_back_by_their_names(
    tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    small.severstal_wide(tmp_path / "a")
    (tmp_path / "a" / "classes.txt").write_text("\n".join(kinds + ("x",) * (2 - len(kinds))))
    dataset = read(tmp_path / "a")
    convert(dataset, "severstal", tmp_path / "b")
    back = read(tmp_path / "b")
    assert back.problems == ()
    assert samples(back)["one"].kinds == samples(dataset)["one"].kinds


def test_identical_images_with_other_masks_are_an_error_of_the_check(tmp_path: Path) -> None:
    """The published set has such pairs, of one kind and area even."""
    small.severstal_long(tmp_path)
    moved = np.roll(small.scratch(), 20, axis=0)
    pictures = {"same_a.jpg": small.scratch(), "same_b.jpg": moved}
    for name, mask in pictures.items():
        small.photograph(tmp_path / "train_images" / name, seed=7)
        add_row(tmp_path, [name, "1", small.kaggle(mask)])
    (found,) = [one for one in check(read(tmp_path)).findings if "conflict" in one.code]
    assert (found.code, found.severity.value) == ("conflicting-duplicates", "error")
    assert found.sets == (("train_images/same_a.jpg", "train_images/same_b.jpg"),)


@pytest.mark.real
def test_a_thousand_published_rows_come_back_as_they_were() -> None:
    folder = os.environ.get("FLAWSCOPE_DATA")
    if not folder:
        pytest.skip("FLAWSCOPE_DATA does not name the folder of real images")
    size, images = Size(256, 1600), 0
    for name in ("train.csv", "test.csv"):
        table = parse_table((Path(folder) / "severstal-sample" / name).read_text())
        assert table.faults == []
        images += len(table.images)
        for by_class in table.images.values():
            for (entry,) in by_class.values():
                text = re.sub(r"\s+", " ", entry.runs)
                mask = decode(from_kaggle(text, size))
                assert mask.any()
                assert to_kaggle(encode(mask)) == text
    assert images == 1000


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_tables_as_spreadsheets_save_them(delimiter: str) -> None:
    text = delimiter.join(("ImageId", "ClassId", "EncodedPixels"))
    table = parse_table(f"{text}\r\n{delimiter.join(('a.jpg', '3', '1 5'))}\r\n")
    assert table.form == "long"
    assert list(table.images) == ["a.jpg"]


@pytest.mark.parametrize("data", ["nothing to see".encode("utf-16"), b"one\rtwo\r", b"\0\0"])
def test_other_tables_are_passed_by(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "notes.csv").write_bytes(data)
    assert severstal.recognise(Listing(tmp_path)) is None
