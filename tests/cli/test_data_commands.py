"""``flawscope data``: what is wrong is named, nothing is overwritten, nothing is left half done."""

from __future__ import annotations

import io
import shutil
import signal
import sys
from contextlib import redirect_stderr
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_parts import Cli, strict_lines

from flawscope.cli import main
from flawscope.cli.console import counting
from flawscope.data import read
from flawscope.images import save_image


def test_a_split_is_not_overwritten(
    cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("data", "split", dataset, "--group-by", r"(\d)\.")
    assert cli(*arguments) == 0
    first = Path("tiles.split.json").read_bytes()
    assert cli(*arguments, "--seed", "1") == 2
    assert "there is a split already" in capsys.readouterr().err
    assert Path("tiles.split.json").read_bytes() == first
    assert cli(*arguments, "--seed", "1", "--out", "other.json") == 0


def test_converting_keeps_masks_and_shows_the_new_folder(
    cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("data", "convert", dataset, "--to", "coco", "--out", "tiles-coco") == 0
    assert capsys.readouterr().out.strip() == "tiles-coco"
    before, after = read(dataset), read(Path("tiles-coco"), "coco")
    assert [one.defects and one.defects[0].mask for one in after.samples] == [
        one.defects and one.defects[0].mask for one in before.samples
    ]
    assert cli("data", "convert", dataset, "--to", "coco", "--out", "tiles-coco") == 2
    assert cli("data", "convert", dataset, "--to", "papyrus", "--out", "elsewhere") == 2
    assert "papyrus" in capsys.readouterr().err
    assert not Path("elsewhere").exists()


def test_check_names_what_is_wrong_and_what_would_leak(
    cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "good/0-again.jpg").write_bytes((dataset / "good/0.jpg").read_bytes())
    save_image(np.zeros((80, 100), dtype=np.uint8), dataset / "red/1.png")
    assert cli("data", "check", dataset) == 0, "what is found is the result, not a failure"
    said = capsys.readouterr().out
    assert "good/0-again.jpg" in said
    assert "read as image-mask-pairs: 12 of 12 images have a mask of the same stem" in said
    assert "red/1.png" in said
    assert cli("data", "check", dataset, "--json") == 0
    (document,) = strict_lines(capsys.readouterr().out)
    assert document["images"] == 19
    assert all(finding["message"] and finding["remedy"] for finding in document["findings"])


def converted_until_sigterm(dataset: Path, out: Path, on_ctrl_c: Any) -> None:
    """Converts, with SIGTERM at the first picture; for a process of its own."""

    def terminated(_source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        signal.raise_signal(signal.SIGTERM)

    signal.signal(signal.SIGINT, on_ctrl_c)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch, redirect_stderr(io.StringIO()) as told:
        patch.setattr(shutil, "copyfile", terminated)
        code = main(["data", "convert", str(dataset), "--to", "coco", "--out", str(out)])
    assert "files already written are whole" in told.getvalue()
    assert signal.getsignal(signal.SIGTERM) is before
    sys.exit(code)


@pytest.mark.parametrize("on_ctrl_c", [signal.default_int_handler, signal.SIG_IGN])
def test_sigterm_leaves_no_half_written_folder(
    dataset: Path, tmp_path: Path, on_ctrl_c: Any
) -> None:
    """In a process of its own: a signal here could end a worker of the parallel test run."""
    arguments = (dataset, tmp_path / "out" / "coco", on_ctrl_c)
    one = get_context("spawn").Process(target=converted_until_sigterm, args=arguments)
    one.start()
    one.join()
    assert one.exitcode == 143
    assert list((tmp_path / "out").iterdir()) == []


def test_check_says_how_many_it_does_not_list(
    cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = "".join(f"good/gone{number}.jpg,1\n" for number in range(25))
    (dataset / "groups.csv").write_text(f"image,group\n{names}")
    assert cli("data", "check", dataset) == 0
    said = capsys.readouterr().out
    assert "25 labels of images that are not there" in said
    assert said.count("gone") == 20
    assert "    and 5 more\n" in said


def test_progress_goes_through_its_phases(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with counting() as told:
        for what, total in (("opening", 2), ("comparing", None), ("opening", 2), ("opening", 3)):
            for done in range(1, 3):
                told(what, done, total)
    shown = capsys.readouterr().err
    assert "2/3" in shown


def test_a_table_is_whole_where_there_is_no_terminal(
    cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = [f"{chr(97 + number)}-rust-along-the-edge" for number in range(20)]
    dice = np.random.default_rng(0)
    for kind in kinds:
        (tmp_path / "many" / kind).mkdir(parents=True)
        for number in range(3):
            picture = dice.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            save_image(picture, tmp_path / "many" / kind / f"{number}.png")
    assert cli("data", "split", tmp_path / "many") == 0
    head = capsys.readouterr().out.splitlines()[0]
    assert head.split() == ["part", "images", *kinds]


def test_a_folder_is_no_split(cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("data", "split", dataset, "--out", dataset) == 2
    assert "tiles: is a folder. Name a file" in capsys.readouterr().err
