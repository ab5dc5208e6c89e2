"""Where pictures are: in order, each once, and never all in memory."""

from __future__ import annotations

import glob
import io
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from batch_parts import picture

from flawscope.batch import Known, Outcome, Sources, each_once
from flawscope.batch.known import in_order
from flawscope.errors import ImageError, ResultsError

TREE = (
    "a.png",
    "b.JPG",
    "notes.txt",
    ".hidden.png",
    "x/1.png",
    "x/[2].png",
    "x/deep/3.tif",
    "y/1.png",
    "y/.cache/4.png",
    "z/readme.md",
)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of these names in the current folder."""
    for name in TREE:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*places: str, **options: Any) -> list[str]:
    with Known() as known:
        items = list(each_once(Sources(places, **options), known))
    assert not [item for item in items if isinstance(item, Outcome)]
    return [str(item) for item in items]


def test_a_folder_is_searched_in_order_without_what_is_hidden(tree: Path) -> None:
    (tree / "link").symlink_to(tree / "x", target_is_directory=True)
    pictures = ["a.png", "b.JPG", "x/1.png", "x/[2].png", "x/deep/3.tif", "y/1.png"]
    assert found(".") == pictures
    assert found(str(tree)) == [f"{tree.as_posix()}/{name}" for name in pictures]


@pytest.mark.parametrize(
    "pattern",
    ["*.png", "**/*.png", "x/*", "?/1.png", "*/deep/*", "x/[[]2].png", ".h*", "**/*", "*/.c*"],
)
def test_globs_match_what_pythons_own_match(tree: Path, pattern: str) -> None:
    theirs = set()
    for match in map(Path, glob.glob(pattern, recursive=True)):  # noqa: PTH207
        theirs |= set(found(match.as_posix())) if match.is_dir() else {match.as_posix()}
    assert set(found(pattern)) == theirs
    assert theirs


def test_a_glob_of_folders_alone_is_searched_for_pictures(tree: Path) -> None:
    assert found("x/**") == found("x")


def test_each_address_comes_once(tree: Path) -> None:
    assert found("x/1.png", "x", "*/1.png", "./x") == [
        "x/1.png",
        "x/[2].png",
        "x/deep/3.tif",
        "y/1.png",
    ]


def test_each_picture_comes_once_however_it_is_spelt(tree: Path) -> None:
    listed = f"./y/1.png\n{tree.as_posix()}/y/../y/1.png\n"
    assert found("y", str(tree / "y"), "-", stream=io.BytesIO(listed.encode())) == ["y/1.png"]


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_a_step_up_from_a_link_leads_where_it_leads(tree: Path) -> None:
    (tree / "link").symlink_to("x/deep", target_is_directory=True)
    (tree / "1.png").touch()
    assert found("link/../1.png", "x/1.png", "1.png") == ["link/../1.png", "1.png"]


def test_a_picture_of_another_folder_is_none_that_is_known(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Known() as known:
        known.put("1.png", "")  # in an earlier run, in another folder
        other = (tree / "y" / "1.png").as_posix()
        monkeypatch.chdir(tree / "y")
        assert list(each_once([other, "1.png"], known)) == [other]


@pytest.mark.parametrize("out", [".", "x", "absent"])
def test_pictures_of_the_pages_are_left_out_and_no_others(tree: Path, out: str) -> None:
    for place in (
        "pictures/1.jpg",
        "20261128-101500/pictures/1.jpg",
        "20261128-101500-2/pictures/1.jpg",
    ):
        written = Path(out, place)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.touch()
    of_parts = Path(out, "line/pictures/kept.png")
    of_parts.parent.mkdir(parents=True)
    of_parts.touch()
    pictures = ["a.png", "b.JPG", "x/1.png", "x/[2].png", "x/deep/3.tif", "y/1.png"]
    assert set(found(".", besides=Path(out))) == {*pictures, of_parts.as_posix()}


def test_pictures_that_the_page_would_overwrite_are_refused(tree: Path) -> None:
    (tree / "pictures").mkdir()
    (tree / "pictures" / "1.png").touch()
    for place in ("pictures", "pictures/1.png"):
        with pytest.raises(ImageError, match=f"{place}: is where the pictures of a page"):
            Sources(["a.png", place], besides=tree)


@pytest.mark.skipif(os.name != "posix", reason="names and links of POSIX")
def test_a_link_that_leads_nowhere_hides_no_other_picture(tree: Path) -> None:
    for name, to in {"self.png": "self.png", "one": "other", "other": "one"}.items():
        (tree / "y" / name).symlink_to(to)
    assert found("y") == found("y", besides=tree) == ["y/1.png", "y/self.png"]
    assert found("y/*") == ["y/1.png", "y/one", "y/other", "y/self.png"]


def test_a_line_that_can_be_no_file_stops_no_list(tree: Path) -> None:
    odd = ["nul\0.png", f"{'long' * 100}.png", "*\0.png"]
    text = "\n".join(["a.png", *odd, "y"])
    assert found("-", stream=io.BytesIO(text.encode())) == ["a.png", *odd, "y/1.png"]


def test_a_list_on_a_standard_input_that_is_closed(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(ImageError, match="standard input is closed"):
        found("-")


def test_a_list_names_files_folders_and_addresses(tree: Path) -> None:
    odd = os.fsdecode(b"caf\xe9.png")
    text = b"y\r\n\nabsent.png\ns3://bucket/part.png\n" + os.fsencode(odd) + b"\na.png"
    assert found("-", "x/1.png", stream=io.BytesIO(text)) == [
        "y/1.png",
        "absent.png",
        "s3://bucket/part.png",
        odd,
        "a.png",
        "x/1.png",
    ]


def test_a_list_may_name_globs_and_folders_of_stores_too(tree: Path) -> None:
    text = f"*.png\nno*.png\nfile://{tree.as_posix()}/y/\nfile://{tree.as_posix()}/x/1*.png\n"
    assert found("-", stream=io.BytesIO(text.encode())) == [
        "a.png",
        "no*.png",
        f"file://{tree.as_posix()}/y/1.png",
        f"file://{tree.as_posix()}/x/1.png",
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_no_picture_of_a_folder(tree: Path) -> None:
    os.mkfifo(tree / "y" / "0.png")
    assert found("y") == ["y/1.png"]


def test_a_place_that_is_not_there_is_told_at_once(tree: Path) -> None:
    for place in ("absent", "*.webp", "absent/*"):
        with pytest.raises(ImageError, match="no such file or folder"):
            Sources(["a.png", place])


def test_a_folder_that_cannot_be_searched_is_named_and_the_rest_goes_on(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(folder: str) -> Any:
        if folder == "x":
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr("flawscope.batch.walking.os.scandir", refusing)
    items = list(Sources(["."]))
    (refused,) = [item for item in items if isinstance(item, Outcome)]
    assert refused.id == "x"
    assert "x: cannot be searched (Permission denied)" in str(refused.error)
    assert [item for item in items if isinstance(item, str)] == ["a.png", "b.JPG", "y/1.png"]


def test_they_are_counted_as_they_are_found(tree: Path) -> None:
    sources = Sources([".", "x"])
    assert sources.countable
    assert sources.count(lambda: False) == 6
    assert sources.count(lambda: True) is None
    assert not Sources(["-"]).countable


@pytest.mark.parametrize("number", [0, 5, 20_000, 20_001, 45_000])
def test_names_are_sorted_on_disk_as_in_memory(number: int) -> None:
    names = [f"{name:06}-é.png".encode() for name in range(number)]
    shuffled = random.Random(0).sample(names, number)
    assert list(in_order(shuffled)) == names


LONG = """
import resource, sys
from flawscope.batch import Journal, Outcome, Sources, line_of
from flawscope.errors import ImageError

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for resume in (False, True):
    with Journal.begin(__import__("pathlib").Path(sys.argv[1]), {}, resume=resume) as journal:
        for item in journal.left(Sources(["-"])):
            journal.add(line_of(Outcome(item, error=ImageError("was not looked at"))))
print(journal.before, peak())
"""


def test_memory_is_flat_whatever_the_number(tmp_path: Path) -> None:
    peaks = {}
    for number in (1_000, 16_000):
        names = "".join(
            f"/somewhere/in/a/folder/of/parts/{name:09}.png\n" for name in range(number)
        )
        run = subprocess.run(
            [sys.executable, "-c", LONG, tmp_path / f"{number}.jsonl"],
            input=names.encode(),
            capture_output=True,
            check=True,
        )
        before, peaks[number] = map(int, run.stdout.split())
        assert before == number
    assert peaks[16_000] < 1.1 * peaks[1_000]


def test_a_large_folder_is_not_listed_before_the_first_picture(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []
    scandir = os.scandir

    def noted(folder: str) -> Any:
        searched.append(folder)
        return scandir(folder)

    monkeypatch.setattr("flawscope.batch.walking.os.scandir", noted)
    items: Iterator[object] = iter(Sources(["x", "y"]))
    assert next(items) == "x/1.png"
    assert searched == ["x"]
    picture(tree / "y" / "late.png")
    assert list(items)[-1] == "y/late.png"


def test_no_room_for_what_is_known_is_said_so() -> None:
    with Known() as known:
        known._database.execute("PRAGMA max_page_count = 3")
        with pytest.raises(ResultsError, match=r"disk is full.*SQLITE_TMPDIR"):
            all(known.add(f"{number}.png") for number in range(10_000))
