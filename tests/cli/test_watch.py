"""``flawscope watch``: in this process with ``--once``, and in one of its own that is ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli_parts import GOOD, REJECTED, Cli, draw_part, strict_lines

from flawscope.bundle import Bundle
from flawscope.values import Policy
from toy_models import write_model

FAST = ("--engine", "onnxruntime", "--threads", "1", "--settle", "0.1")


def rows_of(path: Path) -> list[dict[str, Any]]:
    return strict_lines(path.read_text(encoding="utf-8")) if path.exists() else []


@pytest.mark.parametrize("out", [".", "line", "line/incoming"])
def test_pages_may_lie_beside_what_arrives(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str], out: str
) -> None:
    incoming = Path("line/incoming")
    shutil.copytree(parts, incoming)
    run = ("watch", incoming, "--model", model, "--once", "--out", out, *FAST)
    assert cli(*run) == 0
    assert cli(*run) == 0
    assert "5 are done already" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix" or not hasattr(os, "geteuid"), reason="modes of POSIX")
def test_once_says_by_its_exit_code_that_a_folder_could_not_be_searched(
    cli: Cli, parts: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refusing(folder: Any) -> Any:
        if Path(folder).name == "sub":
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr("flawscope.batch.walking.os.scandir", refusing)
    assert cli("watch", parts, "--model", model, "--once", *FAST) == 2


def test_once_inspects_what_is_there_and_again_only_what_is_new(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ("watch", parts, "--model", model, "--once", "--out", parts / "pages", *FAST)
    draw_part(parts / "f.part.png", REJECTED)
    assert cli(*run) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 5
    assert "5 inspected: 3 accept, 1 review, 1 reject" in said.err
    assert cli(*run) == 0
    said = capsys.readouterr()
    assert not said.out, "its own pictures are no arrivals either"
    assert "5 are done already, in parts.watched.jsonl" in said.err
    draw_part(parts / "a.png", REJECTED)
    (parts / "g.png").write_bytes(b"no picture")
    (parts / "h.png").touch()
    assert cli(*run, "--json") == 2
    said = capsys.readouterr()
    (row,) = strict_lines(said.out)
    assert (Path(row["id"]).name, row["verdict"]) == ("a.png", "reject")
    assert "g.png: not an image" in said.err
    assert "1 files were not yet whole" in said.err
    rows = rows_of(Path("parts.watched.jsonl"))
    assert len(rows) == 7
    assert [set(row["file"]) for row in rows] == [
        {"bytes", "modified_ns", "changed_ns", "sha256"}
    ] * 7
    pages = sorted((parts / "pages").glob("*/index.html"))
    assert len(pages) == 2
    assert "g.png" in pages[1].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent"], "absent: no such folder"),
        ([".", "--results", "r.parquet"], "End its name in .jsonl"),
        ([".", "--model", "absent.flaw"], "absent.flaw: cannot be read"),
    ],
)
def test_what_cannot_be_watched_is_told(
    cli: Cli, model: Path, arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = () if "--model" in arguments else ("--model", model)
    assert cli("watch", *arguments, *named, "--once", *FAST) == 2
    assert told in capsys.readouterr().err


def test_full_pages_are_ended_and_others_begun(
    cli: Cli, parts: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flawscope.cli.pages._PARTS_A_PAGE", 2)
    assert cli("watch", parts, "--model", model, "--once", "--out", "pages", *FAST) == 0
    assert len(list(Path("pages").glob("*/index.html"))) == 3


class Watched:
    """A folder that a process watches, and what it has said so far."""

    def __init__(self, root: Path, model: Path, *options: str) -> None:
        self.folder = root / "in"
        self.folder.mkdir(exist_ok=True)
        self.results = root / "r.jsonl"
        self.log = root / "log.txt"
        self._command = [sys.executable, "-m", "flawscope", "watch", str(self.folder)]
        self._command += ["--model", str(model), "--results", str(self.results), *FAST, *options]

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        # A test run in the background ignores Ctrl-C, and what it starts would inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with self.log.open("wb") as log:
                process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=log)
        finally:
            signal.signal(signal.SIGINT, before)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def told(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def verdicts(self) -> list[tuple[str, str]]:
        return [(Path(row["id"]).name, row["verdict"]) for row in rows_of(self.results)]


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM for one process")
def test_a_watch_goes_on_after_sigkill_and_ends_with_sigterm(tmp_path: Path, model: Path) -> None:
    watched = Watched(tmp_path, model)
    draw_part(watched.folder / "a.png", GOOD)
    with watched.running() as process:
        wait_until(lambda: len(watched.verdicts()) == 1)
        part = draw_part(tmp_path / "b.png", REJECTED)
        with (watched.folder / "b.png").open("wb") as slow:
            for byte in part.read_bytes()[::-1][:40]:
                slow.write(bytes([byte]))
                slow.flush()
                time.sleep(0.01)
        shutil.copy(part, watched.folder / "b.png")
        wait_until(lambda: ("b.png", "reject") in watched.verdicts())
        process.kill()
        process.wait()
    draw_part(watched.folder / "c.png", GOOD)
    with watched.running() as process:
        wait_until(lambda: ("c.png", "accept") in watched.verdicts())
        process.terminate()
        assert process.wait(timeout=60) == 143
    assert watched.verdicts() == [("a.png", "accept"), ("b.png", "reject"), ("c.png", "accept")]
    assert "2 are done already" in watched.told()
    assert "1 inspected: 1 accept" in watched.told()
    assert "Traceback" not in watched.told()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
@pytest.mark.parametrize("reload", [False, True])
def test_a_model_that_is_replaced_is_taken_only_on_request(
    tmp_path: Path, model: Path, reload: bool
) -> None:
    used = Path(shutil.copy(model, tmp_path / "used.flaw"))
    strict = write_model(tmp_path / "strict.flaw", policy=Policy(accept_below=0.01))
    watched = Watched(tmp_path, used, *(["--reload"] if reload else []))
    draw_part(watched.folder / "a.png", GOOD)
    with watched.running() as process:
        wait_until(lambda: len(rows_of(watched.results)) == 1)
        used.write_bytes(b"cut short")
        if reload:
            wait_until(lambda: "the new one is refused" in watched.told())
        strict.replace(used)
        if reload:
            wait_until(lambda: watched.told().count("model toy (") == 2)
        draw_part(watched.folder / "b.png", GOOD)
        wait_until(lambda: len(rows_of(watched.results)) == 2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
    digests = [row["model"] for row in rows_of(watched.results)]
    first, second = Bundle.open(model).digest, Bundle.open(used).digest
    assert digests == [first, second if reload else first]
    assert "2 inspected" in watched.told()
    assert "Traceback" not in watched.told()
