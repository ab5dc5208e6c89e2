"""What arrives in a folder: whole, and once in each of its states."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_parts import BAD, GOOD, picture

from flawscope.batch import Arrivals, Journal, Reloading, examined, line_of, looks, state_of
from flawscope.errors import FlawscopeError, ImageError
from flawscope.runtime import Inspector
from flawscope.values import Policy
from toy_models import write_model


class Line:
    """A folder and a file of results, watched by one process after another."""

    def __init__(self, root: Path, inspector: Inspector) -> None:
        self.folder = root / "in"
        self.folder.mkdir()
        self._results = root / "r.jsonl"
        self._inspector = inspector
        self.restart()

    def restart(self) -> None:
        if hasattr(self, "journal"):
            self.journal.close()
        self.journal = Journal.begin(self._results, {}, resume=True, state_of=state_of)
        self.arrivals = Arrivals(self.folder, self.journal.known)

    def look(self) -> dict[str, str | None]:
        """One look: the verdicts of what is whole and new."""
        said: dict[str, str | None] = {}
        fresh = self.arrivals.fresh(self.arrivals.look())
        for outcome in examined(self._inspector, fresh):
            self.journal.add(line_of(outcome, also=self.arrivals.done(outcome)))
            found = outcome.inspection
            said[Path(outcome.id).name] = None if found is None else found.verdict.value
        return said


@pytest.fixture
def line(tmp_path: Path, inspector: Inspector) -> Iterator[Line]:
    line = Line(tmp_path, inspector)
    yield line
    line.journal.close()


def test_a_file_is_inspected_once_it_has_stopped_changing(line: Line, tmp_path: Path) -> None:
    data = picture(tmp_path / "part.png", BAD).read_bytes()
    arriving = line.folder / "part.png"
    arriving.touch()
    assert line.look() == line.look() == {}, "an empty file is not whole, however long it stays"
    for end in (20, 40, 60):
        arriving.write_bytes(data[:end])
        assert line.look() == {}
    assert line.arrivals.unfinished == 1
    arriving.write_bytes(data)
    assert line.look() == {}
    assert line.look() == {"part.png": "reject"}
    assert line.look() == line.look() == {}
    assert line.arrivals.unfinished == 0


def test_files_in_progress_go_by_names_that_are_left_out(line: Line, tmp_path: Path) -> None:
    data = picture(tmp_path / "part.png").read_bytes()
    for name in (".part.png", "a.part.png", "a.png.part", "~a.png", "a.TMP.png", "a.png.tmp"):
        (line.folder / name).write_bytes(data)
    assert line.look() == line.look() == {}
    (line.folder / "a.png.part").rename(line.folder / "a.png")
    (line.folder / "lot 7").mkdir()
    (line.folder / "~a.png").rename(line.folder / "lot 7" / "b.png")
    line.look()
    assert line.look() == {"a.png": "accept", "b.png": "accept"}


def test_each_is_inspected_once_across_restarts(line: Line) -> None:
    for number in range(3):
        picture(line.folder / f"{number}.png")
    line.look()
    assert len(line.look()) == 3
    line.restart()
    picture(line.folder / "3.png", BAD)
    line.look()
    assert line.look() == {"3.png": "reject"}
    line.restart()
    assert line.look() == line.look() == {}


def test_a_name_that_comes_again_counts_if_its_content_is_another(line: Line) -> None:
    part = picture(line.folder / "latest.png", GOOD)
    line.look()
    assert line.look() == {"latest.png": "accept"}
    for restarted in (False, True):
        os.utime(part)  # the same content, written again
        if restarted:
            line.restart()
        assert line.look() == line.look() == line.look() == {}
    for colour, verdict in ((BAD, "reject"), (GOOD, "accept")):
        picture(part, colour)
        line.look()
        assert line.look() == {"latest.png": verdict}, "also if it is what it was before the last"
    line.restart()
    assert line.look() == line.look() == {}


def test_another_content_counts_though_its_size_and_time_are_the_same(line: Line) -> None:
    part = line.folder / "part.bmp"
    for restarted in (False, True):
        for colour, verdict in ((GOOD, "accept"), (BAD, "reject")):
            picture(part, colour)
            os.utime(part, (1_700_000_000, 1_700_000_000))  # as copying tools set it
            if restarted:
                line.restart()
            line.look()
            assert line.look() == {"part.bmp": verdict}
    assert part.stat().st_size == picture(line.folder / "x.bmp", GOOD).stat().st_size


def test_lines_that_know_no_other_time_of_change_hold(line: Line) -> None:
    """As those of results that were begun before it was kept."""
    part = picture(line.folder / "part.png", GOOD)
    state = part.stat()
    file = {"bytes": state.st_size, "modified_ns": state.st_mtime_ns, "sha256": "x"}
    line.journal.known.put(part.as_posix(), state_of({"file": file}))
    assert line.look() == line.look() == {}


def test_a_file_that_was_whole_too_early_is_inspected_again(line: Line, tmp_path: Path) -> None:
    data = picture(tmp_path / "part.png", BAD).read_bytes()
    stalled = line.folder / "stalled.png"
    stalled.write_bytes(data[:60])
    line.look()
    assert line.look() == {"stalled.png": None}
    stalled.write_bytes(data)
    line.look()
    assert line.look() == {"stalled.png": "reject"}


def test_the_first_to_change_come_first(line: Line) -> None:
    for age, name in enumerate(("new.png", "old.png", "oldest.png")):
        os.utime(picture(line.folder / name), (1_000_000 - age, 1_000_000 - age))
    line.look()
    assert list(line.look()) == ["oldest.png", "old.png", "new.png"]


def test_what_is_taken_away_meanwhile_is_passed_over(line: Line) -> None:
    picture(line.folder / "a.png")
    gone = picture(line.folder / "b.png")
    line.look()
    whole = line.arrivals.look()
    gone.unlink()
    assert [Path(address).name for address in line.arrivals.fresh(whole)] == ["a.png"]


def test_a_folder_that_cannot_be_reached_is_trouble_until_it_can(line: Line) -> None:
    away = line.folder.rename(line.folder.with_name("away"))
    assert line.look() == {}
    assert "cannot be searched" in str(line.arrivals.trouble)
    away.rename(line.folder)
    line.look()
    assert line.arrivals.trouble is None
    with pytest.raises(ImageError, match="no such folder"):
        Arrivals(line.folder / "absent", line.journal.known)


def test_looking_once_ends_when_all_that_is_whole_is_given(line: Line) -> None:
    for number in range(5):
        picture(line.folder / f"{number}.png")
    (line.folder / "empty.png").touch()
    given: list[str] = []
    for addresses in looks(line.arrivals, every=0.01, once=True, at_most=2):
        assert len(addresses) <= 2
        for outcome in examined(line._inspector, line.arrivals.fresh(addresses)):
            line.arrivals.done(outcome)
            given.append(Path(outcome.id).name)
    assert given == [f"{number}.png" for number in range(5)]


def test_a_model_that_is_replaced_is_taken_once_it_is_whole(tmp_path: Path) -> None:
    def load(path: Path) -> Inspector:
        return Inspector.load(path, engine="onnxruntime", threads=1)

    path = write_model(tmp_path / "m.flaw")
    other = write_model(tmp_path / "other.flaw", policy=Policy(accept_below=0.01)).read_bytes()
    source = Reloading(path, load)
    first = source.inspector
    assert source.look() is None
    path.write_bytes(other[:500])
    assert source.look() is None, "it may still be on its way"
    refused = source.look()
    assert isinstance(refused, FlawscopeError)
    assert source.look() is None, "it is told once"
    path.unlink()
    assert source.look() is source.look() is None
    assert source.inspector is first
    assert first.inspect(picture(tmp_path / "part.png")).verdict.value == "accept"
    path.write_bytes(other)
    assert source.look() is None
    assert source.look() is source.inspector is not first
