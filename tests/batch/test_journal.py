"""Files of results that are whole lines, and that runs go on with."""

from __future__ import annotations

import errno
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from batch_parts import lines_of
from pyarrow.parquet import ParquetFile, read_table

from flawscope.batch import Journal, Outcome, line_of
from flawscope.errors import ImageError, MissingExtraError, ResultsError
from flawscope.files import written_whole

FACTS = {"model": "a" * 64, "value_range": (0.0, 1.0)}
IDS = [f"parts/{number:02}.png" for number in range(10)]


def line(name: str) -> dict[str, Any]:
    return line_of(Outcome(name, error=ImageError("was not looked at")))


def inspected(name: str) -> dict[str, Any]:
    """A line with everything in it that a column can hold."""
    defect = {
        "kind": "pit",
        "score": 0.5,
        "box": [1, 2, 3, 4],
        "area_px": 4,
        "length_px": 2.0,
        "width_px": 2.0,
        "outlines": [[[1, 2], [3, 2], [3, 4], [1, 4]]],
        "mask": {"size": [8, 9], "counts": [10, 2, 6, 2, 52]},
    }
    return {
        "id": name,
        "size": [8, 9],
        "verdict": "reject",
        "score": 0.75,
        "kinds": {"pit": 0.5, "scratch": 0.0},
        "defects": [defect],
        "reasons": ["pit, 2 px"],
        "model": "a" * 64,
        "seconds": {"open": 0.001},
    }


def test_a_run_goes_on_with_what_is_left(tmp_path: Path) -> None:
    results = tmp_path / "new" / "r.jsonl"
    with Journal.begin(results, FACTS) as journal:
        for name in journal.left([*IDS[:3], IDS[0]]):
            journal.add(line(str(name)))
        journal.add(inspected(IDS[3]))
    with Journal.begin(results, FACTS, resume=True) as journal:
        assert (journal.before, journal.failed, journal.verdicts["reject"]) == (4, 3, 1)
        assert list(journal.left(IDS)) == IDS[4:]
        journal.add(line(IDS[4]))
        journal.finish()
    assert [row["id"] for row in lines_of(results)] == IDS[:5]


def test_a_torn_last_line_is_taken_away_wherever_it_was_cut(tmp_path: Path) -> None:
    results = tmp_path / "r.jsonl"
    with Journal.begin(results, FACTS) as journal:
        for name in IDS[:3]:
            journal.add(inspected(name))
    whole = results.read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for end in (start, start + 1, start + 40, len(whole) - 1):
        results.write_bytes(whole[:end] + b"\0" * (end % 2))
        with Journal.begin(results, FACTS, resume=True) as journal:
            assert list(journal.left(IDS[:3])) == [IDS[2]]
            journal.add(inspected(IDS[2]))
        assert results.read_bytes() == whole


def test_other_facts_are_refused_and_named(tmp_path: Path) -> None:
    results = tmp_path / "r.jsonl"
    with Journal.begin(results, FACTS) as journal:
        journal.add(line(IDS[0]))
    with pytest.raises(ResultsError, match="value_range was") as refused:
        Journal.begin(results, {"model": "b" * 64, "value_range": None}, resume=True)
    assert "value_range was [0.0, 1.0] and is null" in str(refused.value)
    assert "model was aaaaaaaaaaaa… and is bbbbbbbbbbbb…" in str(refused.value)
    (tmp_path / "r.jsonl.run.json").unlink()
    with pytest.raises(ResultsError, match="nobody knows how"):
        Journal.begin(results, FACTS, resume=True)
    assert len(lines_of(results)) == 1


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    for name in ("r.jsonl", "r.parquet"):
        results = tmp_path / name
        with Journal.begin(results, FACTS) as journal:
            journal.add(line(IDS[0]))
            with pytest.raises(ResultsError, match="another flawscope is writing"):
                Journal.begin(results, FACTS, resume=True)
        with pytest.raises(ResultsError, match=r"is there already.*--resume"):
            Journal.begin(results, FACTS)
    (tmp_path / "r.jsonl").write_text('{"id": "a"}\n', encoding="utf-8")
    with pytest.raises(ResultsError, match="line 1 is no result"):
        Journal.begin(tmp_path / "r.jsonl", FACTS, resume=True)
    with pytest.raises(ResultsError, match=r"\.csv is no form of results"):
        Journal.begin(tmp_path / "r.csv", FACTS)


def test_a_full_disk_leaves_whole_lines_to_go_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "r.jsonl"
    with Journal.begin(results, FACTS) as journal:
        journal.add(line(IDS[0]))
        file = journal._file
        assert file is not None

        class Full:
            """Writes half of what it is given, then nothing more."""

            room = 20

            def write(self, data: memoryview) -> int:
                if not self.room:
                    raise OSError(errno.ENOSPC, "No space left on device")
                written, self.room = file.write(data[: self.room]), 0
                return written

            def __getattr__(self, name: str) -> Any:
                return getattr(file, name)

        monkeypatch.setattr(journal, "_file", Full())
        with pytest.raises(ResultsError, match=r"No space left on device.*--resume"):
            journal.add(line(IDS[1]))
        monkeypatch.undo()
    assert [row["id"] for row in lines_of(results)] == IDS[:1]
    with Journal.begin(results, FACTS, resume=True) as journal:
        assert list(journal.left(IDS[:2])) == [IDS[1]]


def test_parquet_holds_what_the_lines_hold(tmp_path: Path) -> None:
    results = tmp_path / "r.parquet"
    rows = [inspected(IDS[0]), line("caf\udce9.png"), inspected(IDS[1])]
    with Journal.begin(results, FACTS) as journal:
        for row in rows:
            journal.add(row)
        assert not results.exists()
        journal.finish()
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == ["r.parquet"]
    table = read_table(results)
    assert json.loads(table.schema.metadata[b"flawscope"]) == json.loads(json.dumps(FACTS))
    first, broken, second = table.to_pylist()
    assert broken["id"] == "caf\\udce9.png"
    assert broken["verdict"] is None
    assert "was not looked at" in broken["error"]
    for told, row in ((first, rows[0]), (second, rows[2])):
        assert dict(told.pop("kinds")) == row.pop("kinds")
        assert dict(told.pop("seconds")) == row.pop("seconds")
        defect = {key: value for key, value in told["defects"][0].items() if value is not None}
        assert [defect] == row.pop("defects")
        assert {key: told[key] for key in row} == row


def test_parquet_appears_only_when_the_run_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "r.parquet"
    with Journal.begin(results, FACTS) as journal:
        journal.add(inspected(IDS[0]))  # and Ctrl-C
    assert not results.exists()
    with Journal.begin(results, FACTS, resume=True) as journal:
        journal.add(inspected(IDS[1]))

        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
            with pytest.raises(ResultsError, match="No space left"):
                journal.finish()
    assert not results.exists()
    lines = (tmp_path / "r.parquet.jsonl").read_bytes()
    header = (tmp_path / "r.parquet.jsonl.run.json").read_bytes()
    with Journal.begin(results, FACTS, resume=True) as journal:
        assert list(journal.left(IDS[:2])) == []
        journal.finish()
    assert read_table(results)["id"].to_pylist() == IDS[:2]

    # Killed after the table was whole, and before its lines were removed.
    (tmp_path / "r.parquet.jsonl").write_bytes(lines)
    (tmp_path / "r.parquet.jsonl.run.json").write_bytes(header)
    with Journal.begin(results, FACTS, resume=True) as journal:
        assert journal.before == 2
        journal.add(line(IDS[2]))
        journal.finish()
    assert read_table(results)["id"].to_pylist() == IDS[:3]

    # Gone on with when it was done: nothing to do, and nothing changes.
    before = results.read_bytes()
    with Journal.begin(results, FACTS, resume=True) as journal:
        assert list(journal.left(IDS[:3])) == []
        journal.finish()
    assert results.read_bytes() == before
    with pytest.raises(ResultsError, match="model was"):
        Journal.begin(results, {**FACTS, "model": "b" * 64}, resume=True)


def test_parquet_is_written_a_group_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flawscope.batch.tables._GROUP_BYTES", 1000)
    results = tmp_path / "r.parquet"
    told: list[tuple[int, int | None]] = []
    with Journal.begin(results, FACTS) as journal:
        for name in IDS:
            journal.add(inspected(name))
        journal.finish(lambda _what, done, total: told.append((done, total)))
    with ParquetFile(results) as file:
        assert file.num_row_groups > 2
        assert file.read()["id"].to_pylist() == IDS
    assert told[-1][0] == told[-1][1]


def test_parquet_without_its_packages_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r'pip install "flawscope\[parquet\]"'):
        Journal.begin(tmp_path / "r.parquet", FACTS)
    (tmp_path / "r.parquet").write_bytes(b"something else")
    monkeypatch.undo()
    with pytest.raises(ResultsError, match="is no file of results"):
        Journal.begin(tmp_path / "r.parquet", FACTS, resume=True)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="a folder that nobody can write to")
def test_results_that_cannot_be_begun_are_told_as_such() -> None:
    with pytest.raises(ResultsError, match="cannot be read or written"):
        Journal.begin(Path("/proc/r.jsonl"), {})


def test_what_a_killed_run_left_of_a_table_is_removed(tmp_path: Path) -> None:
    results, other = tmp_path / "r.parquet", tmp_path / "r-2.parquet"
    left = []
    for path in (results, other):
        with suppress(KeyError), written_whole(path) as beside:
            copy = beside.read_bytes()
            raise KeyError
        left.append(beside)
        beside.write_bytes(copy)  # as though the process had been killed
    with Journal.begin(results, {}):
        assert [path.exists() for path in left] == [False, True]
