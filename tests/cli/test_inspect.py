"""``flawscope inspect``: exit codes, what goes where, and batches with broken files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli_parts import GOOD, REJECTED, VERDICTS, Cli, draw_part, strict_lines
from PIL import Image

from flawscope.images import encode_image

MANY = 600
"""Parts whose results are more than a pipe holds, so that an inspection of them waits for us."""

FAST = ("--engine", "onnxruntime", "--threads", "1")


def test_every_part_gets_a_line_and_its_verdict(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("inspect", parts, "--model", model, *FAST) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines] == list(VERDICTS.values())
    assert "red, 30" in lines[1]
    assert "5 inspected: 3 accept, 1 review, 1 reject" in said.err


def test_json_lines_are_strict_and_nothing_else_is_on_stdout(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("inspect", parts, "--model", model, "--json", "--mm-per-pixel", "0.5", *FAST) == 0
    rows = strict_lines(capsys.readouterr().out)
    assert {row["id"]: row["verdict"] for row in rows} == {
        (parts / name).as_posix(): verdict for name, verdict in VERDICTS.items()
    }
    rejected = rows[1]["defects"][0]
    assert rejected["box"] == [30, 20, 60, 40]
    assert rejected["length_mm"] == pytest.approx(rejected["length_px"] / 2)
    assert len({row["model"] for row in rows}) == 1


def test_a_rejection_fails_only_on_request(cli: Cli, parts: Path, model: Path) -> None:
    rejected, reviewed = parts / "b.png", parts / "sub/d.png"
    assert cli("inspect", rejected, "--model", model, *FAST) == 0
    assert cli("inspect", rejected, "--model", model, "--fail-on-reject", *FAST) == 1
    assert cli("inspect", reviewed, "--model", model, "--fail-on-reject", *FAST) == 0


def test_broken_files_are_named_at_the_end_and_the_rest_inspected(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = encode_image(np.zeros((64, 64, 3), dtype=np.uint8), ".jpg")
    (parts / "0-empty.png").write_bytes(b"")
    (parts / "1-[cut].jpg").write_bytes(whole[: len(whole) // 2])
    (parts / "notes.png").write_text("not an image")
    arguments = ("inspect", parts, "--model", model, "--out", "report", "--fail-on-reject", *FAST)
    assert cli(*arguments) == 2, "a broken file outweighs a rejection"
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == len(VERDICTS)
    end = said.err[said.err.index("3 of 8 images could not be used") :]
    for name in ("0-empty.png", "1-[cut].jpg", "notes.png"):
        assert name in end
    page = Path("report/index.html").read_text(encoding="utf-8")
    assert "0-empty.png" in page


def test_a_large_folder_with_three_broken_files(
    cli: Cli, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    image = encode_image(np.zeros((16, 16, 3), dtype=np.uint8), ".bmp")
    for number in range(10_000):
        if number % 5:
            (folder / f"{number}.txt").touch()
        else:
            (folder / f"{number}.bmp").write_bytes(b"" if number % 4000 == 0 else image)
    assert cli("inspect", folder, "--model", model, "--json", *FAST) == 2
    said = capsys.readouterr()
    assert len(strict_lines(said.out)) == 1997
    assert "3 of 2000 images could not be used" in said.err


def test_nothing_is_left_to_guess_about_paths(
    cli: Cli, tmp_path: Path, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("inspect", parts / "b.png", tmp_path / "absent.png", "--model", model) == 2
    said = capsys.readouterr()
    assert not said.out, "a misspelt path is told before anything is inspected"
    assert "absent.png: no such file or folder" in said.err
    assert cli("inspect", Path.cwd(), "--model", model) == 2
    assert "there is no image here" in capsys.readouterr().err


def test_globs_are_expanded_and_files_counted_once(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bracketed = draw_part(parts / "[b].png", GOOD)
    assert cli("inspect", parts / "*.png", parts / "a.png", "--model", model, "--json", *FAST) == 0
    ids = [Path(row["id"]).name for row in strict_lines(capsys.readouterr().out)]
    assert sorted(ids) == ["[b].png", "a.png", "b.png"]
    assert cli("inspect", bracketed, "--model", model, *FAST) == 0
    assert "[b].png" in capsys.readouterr().out
    assert cli("inspect", parts / "*.webp", "--model", model) == 2
    assert "no such file" in capsys.readouterr().err


def test_a_report_inside_the_folder_is_not_inspected(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = parts / "report"
    for _ in range(2):
        assert cli("inspect", parts, "--model", model, "--out", report, *FAST) == 0
        assert "5 inspected" in capsys.readouterr().err
    assert (report / "index.html").is_file()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--model", "absent.flaw"], "absent.flaw: cannot be read"),
        (["--engine", "abacus"], "there is no engine 'abacus'"),
        (["--mm-per-pixel", "-1"], "is no scale"),
        (["--threads", "0"], "--threads"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_options_are_one_message_and_exit_2(
    cli: Cli,
    parts: Path,
    model: Path,
    options: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = [] if "--model" in options else ["--model", model]
    assert cli("inspect", parts, *named, *options) == 2
    said = capsys.readouterr()
    assert not said.out
    assert told in said.err
    assert "Traceback" not in said.err


def test_debug_shows_the_traceback(
    cli: Cli, parts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("--debug", "inspect", parts, "--model", "absent.flaw") == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_unwritable_report_is_the_users_to_cure(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("taken").write_text("a file, not a folder")
    assert cli("inspect", parts, "--model", model, "--out", "taken", *FAST) == 2
    assert "error: taken: File exists" in capsys.readouterr().err


def test_floating_point_images_need_a_value_range(
    cli: Cli, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "depth.tif"
    Image.fromarray(np.full((40, 40), 0.5, dtype=np.float32)).save(path)
    assert cli("inspect", path, "--model", model, *FAST) == 2
    assert "--value-range" in capsys.readouterr().err
    assert cli("inspect", path, "--model", model, "--value-range", "0", "1", *FAST) == 0


@pytest.fixture
def running(parts: Path, model: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An inspection of many parts, each with a picture, in a process of its own."""
    image = draw_part(tmp_path / "part.png", REJECTED).read_bytes()
    for number in range(MANY):
        (parts / f"part-{number:04}.png").write_bytes(image)
    command = [sys.executable, "-m", "flawscope", "inspect", str(parts), "--model", str(model)]
    command += ["--out", str(tmp_path / "report"), "--json", *FAST]
    # A test run in the background ignores Ctrl-C, and what it starts would inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        # Without a buffer, in which communicate() would not find the lines that follow.
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with process:
        yield process
        process.kill()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_leaves_whole_files_and_says_what_was_done(
    running: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert running.stdout is not None
    seen = [running.stdout.readline() for _ in range(20)]
    running.send_signal(signal.SIGINT)
    rest, told = running.communicate(timeout=60)
    rows = strict_lines(b"".join([*seen, rest]).decode())
    assert running.returncode == 130, told.decode()
    assert 20 <= len(rows) < MANY
    assert f"interrupted after {len(rows)} of {MANY + len(VERDICTS)} parts" in told.decode()
    report = tmp_path / "report"
    pictures = list((report / "pictures").iterdir())
    assert len(pictures) in (len(rows), len(rows) + 1)
    for picture in pictures:
        with Image.open(picture) as opened:
            opened.load()
    assert (report / "index.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert not [path.name for path in report.rglob("*") if path.name.startswith(".")]


@pytest.mark.skipif(os.name == "nt", reason="Windows reports a closed pipe otherwise")
def test_a_reader_that_stops_reading_ends_it_quietly(running: subprocess.Popen[bytes]) -> None:
    assert running.stdout is not None
    assert running.stdout.readline()
    running.stdout.close()
    assert running.stderr is not None
    told = running.stderr.read().decode()
    assert running.wait(timeout=60) == 141
    assert "Traceback" not in told


@pytest.mark.parametrize("places", [[""], ["  "], ["a.png", ""]])
def test_an_empty_path_is_not_the_current_folder(
    cli: Cli,
    parts: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    places: list[str],
) -> None:
    monkeypatch.chdir(parts)
    assert cli("inspect", *places, "--model", model) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "an empty path names nothing" in said.err


def test_a_name_that_breaks_lines_is_shown_on_one(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (parts / "a.png").rename(parts / "two\nlines.png")
    assert cli("inspect", parts / "two\nlines.png", "--model", model) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "two\\nlines.png" in line


@pytest.mark.parametrize("command", ["doctor", "bench"])
def test_sizes_that_no_machine_renders_are_refused(
    cli: Cli, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli(command, "--size", "99999x99999") == 2
    assert "pixels" in capsys.readouterr().err
