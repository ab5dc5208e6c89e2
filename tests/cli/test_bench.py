"""``flawscope bench``: the JSON that others read, the table, and what is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_parts import Cli, strict_lines

from flawscope.values import Policy
from toy_models import write_model

QUICK = ("--engine", "onnxruntime", "--threads", "1", "--seconds", "0.1")
SHARES = {"0.02", "0.05", "0.2", "1.0"}
ROW = {
    "images_per_second",
    "against_images_per_second",
    "ratio",
    "ratio_low",
    "ratio_high",
}


@pytest.fixture(scope="module")
def dim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, which takes rendered parts without a bright pixel for good ones."""
    policy = Policy(accept_below=0.9, reject_above=0.95)
    return write_model(tmp_path_factory.mktemp("model") / "dim.flaw", policy=policy)


def test_one_json_object(cli: Cli, dim: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--model", dim, "--against", dim, "--size", "64x48", *QUICK)
    assert cli("bench", *options, "--json") == 0
    (said,) = strict_lines(capsys.readouterr().out)
    assert said["shares"].keys() == SHARES
    for found in said["shares"].values():
        assert found.keys() == ROW
        assert all(isinstance(value, float) and value > 0 for value in found.values())
        assert found["ratio_low"] <= found["ratio"] <= found["ratio_high"]
    assert said["latency_ms"].keys() == {"p50", "p95", "p99"}
    assert 0 < said["latency_ms"]["p50"] <= said["latency_ms"]["p99"]
    assert said["peak_rss_mb"] > 10
    assert said["as_they_come"] is None
    assert said["pictures"]["size"] == [64, 48]
    assert said["model"]["digest"] == said["against"]["digest"]
    assert said["stages_ms"]["good"].keys() >= {"open", "encoder"}
    assert "decoder" not in said["stages_ms"]["good"]
    assert "decoder" in said["stages_ms"]["defective"]
    assert said["rounds"] >= 3
    assert said["model"]["streams"] == 1
    assert said["model"]["precisions"] == {"encoder": "float32", "decoder": "float32"}


def test_pictures_as_they_come(
    cli: Cli,
    model: Path,
    parts: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("flawscope.bench.comparing.peak_mb", lambda *_: None)
    (parts / "broken.png").write_bytes(b"no image")
    options = ("--model", model, "--images", parts, *QUICK[:-1], "30")
    monkeypatch.setattr("flawscope.bench.rounds.LEAST_ROUNDS", 1)
    monkeypatch.setattr("flawscope.bench.rounds.perf_counter", iter([0.0, 29.0]).__next__)
    assert cli("bench", *options, "--json") == 2
    said = capsys.readouterr()
    (document,) = strict_lines(said.out)
    assert "1 of 6 images could not be used" in said.err
    assert "broken.png" in said.err
    assert document["shares"] == {}
    assert document["as_they_come"]["images_per_second"] > 0
    assert document["as_they_come"]["ratio"] is None
    assert document["against"] is document["against_latency_ms"] is None
    assert (document["pictures"]["good"], document["pictures"]["defective"]) == (3, 2)
    assert document["pictures"]["looked_at"] == 6
    assert document["peak_rss_mb"] is None
    assert document["rounds"] == 1


def test_a_table_for_people(
    cli: Cli,
    dim: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("flawscope.bench.comparing.peak_mb", lambda *_: 123.4)
    assert cli("bench", "--model", dim, "--against", dim, "--size", "64x48", *QUICK) == 0
    said = capsys.readouterr()
    for text in ("defective", "2%", "5%", "20%", "100%", "times as fast", "p99", "123 MB"):
        assert text in said.out
    assert "rendered parts of 64 x 48" in said.out
    assert "5th to 95th percentile" in said.err
    assert "random weights" not in said.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--images", "nowhere"], "nowhere"),
        (["--against", "absent.flaw"], "absent.flaw"),
        (["--size", "64by64"], "256x1600"),
        (["--size", "8x8"], "at least 16"),
        (["--seconds", "-1"], "Give more than 0"),
        (["--images", ".", "--size", "64x64"], "rendered parts"),
    ],
)
def test_what_cannot_be_timed_is_refused(
    cli: Cli, dim: Path, options: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("bench", "--model", dim, "--engine", "onnxruntime", *options) == 2
    assert told in capsys.readouterr().err


@pytest.mark.usefixtures("without_pytorch")
def test_the_founding_cascade_without_its_packages_names_the_cure(
    cli: Cli, dim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("bench", "--model", dim, "--against", "founding") == 2
    said = capsys.readouterr().err
    assert "the founding cascade needs packages" in said
    assert 'Run: pip install "flawscope[train]"' in said


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_leaves_no_pictures_behind(dim: Path, tmp_path: Path) -> None:
    program = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from flawscope.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = ("bench", "--model", str(dim), "--size", "64x48", *QUICK[:-1], "600")
    run = subprocess.Popen(
        [sys.executable, "-c", program, *command],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while len(list(tmp_path.glob("flawscope-bench-*/*.jpg"))) < 8:
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        out, told = run.communicate(timeout=120)
    finally:
        run.kill()
    assert run.returncode == 130
    assert "interrupted" in told
    assert out == ""
    assert list(tmp_path.glob("flawscope-*")) == []
