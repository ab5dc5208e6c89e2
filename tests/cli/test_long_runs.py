"""``flawscope inspect`` with files of results: killed, full disks, lists, stores; gone on with."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fsspec
import pytest
from cli_parts import REJECTED, VERDICTS, Cli, draw_part, strict_lines
from pyarrow.parquet import read_table

FAST = ("--engine", "onnxruntime", "--threads", "1")
MANY = 60


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of many parts to be rejected, and a broken one."""
    first = draw_part(tmp_path / "many" / "00.png", REJECTED)
    for number in range(1, MANY - 1):
        os.link(first, first.with_name(f"{number:02}.png"))
    (first.parent / "broken.png").write_bytes(b"no picture")
    return first.parent


def command(place: str | Path, model: Path, results: Path) -> list[str]:
    arguments = [place, "--model", model, "--results", results, "--resume", *FAST]
    return [sys.executable, "-m", "flawscope", "inspect", *map(str, arguments)]


def killed_midway(command: list[str], names: list[Path], lines: Path, number: int) -> None:
    """Feeds names to a command, and kills it (SIGKILL) some time after there are so many lines.

    The list of names does not end, so that the command cannot end before it is killed.
    """
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(b"".join(os.fsencode(name) + b"\n" for name in names))
            process.stdin.flush()
            deadline = time.monotonic() + 60
            while not lines.exists() or lines.read_bytes().count(b"\n") < number:
                assert time.monotonic() < deadline
                time.sleep(0.002)
            time.sleep(random.random() * 0.02)
        finally:
            process.kill()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_runs_that_are_killed_lose_and_repeat_nothing(
    many: Path, model: Path, tmp_path: Path, suffix: str
) -> None:
    names = sorted(many.iterdir())
    results = tmp_path / f"r{suffix}"
    lines = tmp_path / ("r.jsonl" if suffix == ".jsonl" else "r.parquet.jsonl")
    for number in (1, 15, 35) if suffix == ".jsonl" else (30,):
        killed_midway(command("-", model, results), names[: number + 15], lines, number)
    done = lines.read_bytes().count(b"\n")
    assert 0 < done < MANY
    last = subprocess.run(command(many, model, results), capture_output=True, check=False)
    assert last.returncode == 2, "one picture is broken, whenever that was found"
    assert f"{done} are done already" in last.stderr.decode()
    if suffix == ".jsonl":
        rows = strict_lines(results.read_text(encoding="utf-8"))
    else:
        rows = read_table(results).to_pylist()
        assert not lines.exists()
    assert sorted(row["id"] for row in rows) == [name.as_posix() for name in names]
    assert [Path(row["id"]).name for row in rows if row.get("error")] == ["broken.png"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limits on the size of files")
def test_a_disk_that_fills_leaves_results_to_go_on_with(
    cli: Cli, many: Path, model: Path, tmp_path: Path
) -> None:
    import resource

    results = tmp_path / "r.jsonl"

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    full = subprocess.run(
        command(many, model, results), capture_output=True, check=False, preexec_fn=no_room
    )
    assert full.returncode == 2
    told = full.stderr.decode()
    assert "r.jsonl: cannot be written (File too large); what is in it is whole" in told
    assert "--resume" in told
    assert "Traceback" not in told
    before = strict_lines(results.read_text(encoding="utf-8"))
    assert 0 < len(before) < MANY
    assert results.read_bytes().endswith(b"\n")
    assert cli(*command(many, model, results)[3:]) == 2
    rows = strict_lines(results.read_text(encoding="utf-8"))
    assert rows[: len(before)] == before
    assert len({row["id"] for row in rows}) == len(rows) == MANY


def test_a_run_that_is_gone_on_with_ends_as_if_it_had_never_stopped(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ("--model", model, "--results", "r.jsonl", "--resume", "--json", *FAST)
    assert cli("inspect", parts / "b.png", *run, "--fail-on-reject") == 1
    told = strict_lines(capsys.readouterr().out)
    kept = strict_lines(Path("r.jsonl").read_text(encoding="utf-8"))
    for row in (*told, *kept):
        row.pop("seconds")
    assert told == kept
    assert cli("inspect", parts, *run, "--fail-on-reject") == 1, "one was rejected before"
    said = capsys.readouterr()
    assert len(strict_lines(said.out)) == len(VERDICTS) - 1
    assert "1 are done already" in said.err
    assert cli("inspect", parts, *run) == 0
    assert not capsys.readouterr().out
    (parts / "f.png").write_bytes(b"")
    assert cli("inspect", parts, *run) == cli("inspect", parts, *run) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--resume"], "--results FILE"),
        (["--results", "r.jsonl", "--resume", "--out", "report"], "--out: would hold the parts"),
        (["--results", "r.txt"], ".txt is no form of results"),
        (["--results", "done.jsonl"], "done.jsonl: is there already"),
        (["--results", "done.jsonl", "--resume", "--mm-per-pixel", "2"], "mm_per_pixel was null"),
    ],
)
def test_what_cannot_be_gone_on_with_is_told_first(
    cli: Cli,
    parts: Path,
    model: Path,
    options: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli("inspect", parts, "--model", model, "--results", "done.jsonl", *FAST) == 0
    before = Path("done.jsonl").read_bytes()
    capsys.readouterr()
    assert cli("inspect", parts, "--model", model, *options, *FAST) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert not said.out
    assert Path("done.jsonl").read_bytes() == before


def test_another_range_of_values_in_the_environment_is_refused(
    cli: Cli,
    parts: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = ("inspect", parts, "--model", model, "--results", "r.jsonl", "--resume", *FAST)
    monkeypatch.setenv("FLAWSCOPE_VALUE_RANGE", "0 1")
    assert cli(*run) == 0
    assert cli(*run) == 0
    capsys.readouterr()
    monkeypatch.setenv("FLAWSCOPE_VALUE_RANGE", "0 255")
    assert cli(*run) == 2
    told = "named_value_range was [0.0, 1.0] and is [0.0, 255.0]"
    assert told in capsys.readouterr().err


def test_another_model_is_refused_by_name(
    cli: Cli, parts: Path, model: Path, shared_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("inspect", parts, "--model", model, "--results", "r.jsonl", *FAST) == 0
    (row, *_) = strict_lines(Path("r.jsonl").read_text(encoding="utf-8"))
    again = ("--results", "r.jsonl", "--resume", *FAST)
    assert cli("inspect", parts, "--model", shared_model, *again) == 2
    assert f"model was {row['model'][:12]}…" in capsys.readouterr().err


def test_a_list_on_standard_input(
    cli: Cli,
    parts: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = f"{parts / 'b.png'}\n\n{parts / 'sub'}\r\n{parts / 'b.png'}\nabsent.png\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(listed.encode())))
    assert cli("inspect", "-", "--model", model, "--json", *FAST) == 2
    said = capsys.readouterr()
    names = [Path(row["id"]).name for row in strict_lines(said.out)]
    assert names == ["b.png", "c.png", "d.png", "e.png"]
    assert "1 of 5 images could not be used" in said.err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\n")))
    assert cli("inspect", "-", "--model", model, *FAST) == 2
    assert "there is no image here" in capsys.readouterr().err


def test_a_store_with_a_page_and_results(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store: Any = fsspec.filesystem("memory")
    for name in VERDICTS:
        store.pipe_file(f"/cli-bucket/{name}", (parts / name).read_bytes())
    run = ("--model", model, "--out", "report", "--results", "r.jsonl", *FAST)
    assert cli("inspect", "memory://cli-bucket", *run) == 0
    store.rm("/cli-bucket", recursive=True)
    assert capsys.readouterr().out.count("memory://cli-bucket/") == len(VERDICTS)
    rows = strict_lines(Path("r.jsonl").read_text(encoding="utf-8"))
    said = {row["id"].removeprefix("memory://cli-bucket/"): row["verdict"] for row in rows}
    assert said == VERDICTS
    assert "memory://cli-bucket/sub/" in Path("report/index.html").read_text(encoding="utf-8")


def test_progress_off_a_terminal_is_a_line_now_and_then(
    cli: Cli,
    parts: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("flawscope.cli.pace._SECONDS_BETWEEN_NOTES", -1.0)
    draw_part(parts / "z.png", REJECTED)
    assert cli("inspect", parts, "--model", model, "--json", *FAST) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "inspecting: " in line]
    assert len(lines) == len(VERDICTS) + 1
    assert lines[-1].startswith("inspecting: 6 of 6, ")
    assert lines[-1].endswith(" a second, 0:00:00 left")


def test_only_the_first_broken_files_are_kept_in_mind(
    cli: Cli,
    parts: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("flawscope.cli.batch._MOST_NAMED", 2)
    for number in range(5):
        (parts / f"broken-{number}.png").write_bytes(b"")
    assert cli("inspect", parts, "--model", model, "--results", "r.jsonl", *FAST) == 2
    said = capsys.readouterr().err
    assert "5 of 10 images could not be used" in said
    assert said.count("the file is empty") == 2
    assert "and 3 others; --results FILE names them all" in said
    rows = [json.loads(line) for line in Path("r.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sum("error" in row for row in rows) == 5
