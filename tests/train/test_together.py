"""Two processes that train together: each step, and a whole run, is that of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from train_parts import TINY, in_one_process  # noqa: E402

from flawscope.errors import TrainingError  # noqa: E402
from flawscope.train import train  # noqa: E402
from flawscope.train.peers import Peers  # noqa: E402

pytestmark = pytest.mark.train

CHILD = Path(__file__).parent / "together_child.py"
TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = ("accelerate.commands.launch", "--cpu", "--num_processes", "2")


def started_by(launcher: Sequence[str], *arguments: object) -> str:
    """What two processes of one thread each print on stdout."""
    done = subprocess.run(
        [sys.executable, "-m", *launcher, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def out(masked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    started_by(TORCHRUN, CHILD, masked, folder)
    return folder


@pytest.fixture(scope="module")
def found(out: Path) -> list[dict[str, Any]]:
    return [torch.load(out / f"found-{rank}") for rank in (0, 1)]


def losses(folder: Path) -> list[dict[str, float]]:
    """Of every step."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: row[name] for name in row if "loss" in name} for row in rows if "loss" in row]


def tensors(folder: Path) -> dict[str, Any]:
    """Weights, their average and what the optimiser keeps, after the last step."""
    state = torch.load(folder / "last.pt")
    kept = {
        f"{parameter} {name}": tensor
        for parameter, tensors in state["optimizer"]["state"].items()
        for name, tensor in tensors.items()
    }
    return {**state["cascade"], **kept, **{f"mean {k}": v for k, v in state["average"].items()}}


def test_a_step_on_shares_is_the_step_on_the_batch(found: list[dict[str, Any]]) -> None:
    """Losses, gradients and statistics of norms; shares of 2 and 3 crops that teach unequally."""
    alone = found[0]["step alone"]
    assert any("running_var" in name for name in alone)
    for one in found:
        assert one["step"].keys() == alone.keys()
        for name, tensor in one["step"].items():
            torch.testing.assert_close(tensor, alone[name], rtol=1e-4, atol=2e-5, msg=name)


def test_a_run_of_two_has_the_curve_of_one(out: Path) -> None:
    whole, alone = losses(out / "0/whole"), losses(out / "0/alone")
    assert len(whole) == 4
    for ours, theirs in zip(whole, alone, strict=True):
        assert ours == pytest.approx(theirs, rel=5e-3)


def test_only_the_main_process_writes(out: Path) -> None:
    assert not (out / "1").exists()
    assert {"best.pt", "curves.html", "last.pt"} <= {file.name for file in out.glob("0/whole/*")}


def test_a_signal_to_one_stops_all_and_they_go_on_to_the_same_weights(
    out: Path, found: list[dict[str, Any]]
) -> None:
    assert [one["interrupted"] for one in found] == [True, True]
    assert losses(out / "0/stopped") == losses(out / "0/whole")
    stopped, whole = tensors(out / "0/stopped"), tensors(out / "0/whole")
    assert stopped.keys() == whole.keys()
    assert all(torch.equal(stopped[name], whole[name]) for name in whole)


def test_what_the_main_process_cannot_do_all_of_them_say(found: list[dict[str, Any]]) -> None:
    assert found[0]["refused"] == "ImageError: part.png: cannot be read"
    assert "part.png: cannot be read" in found[1]["refused"]


def test_a_batch_has_a_crop_for_every_process() -> None:
    with pytest.raises(TrainingError, match=r"schedule\.batch: 3 processes .* batch of 2"):
        Peers(rank=0, count=3).sharing(2)
    shares = [list(Peers(rank, 3).sharing(8).share) for rank in range(3)]
    assert [row for share in shares for row in share] == list(range(8))
    assert min(map(len, shares)) == 2


def test_accelerate_launches_the_command(masked: Path, tmp_path: Path) -> None:
    """With its --cpu, which by itself starts one process of the two."""
    settings = (
        *TINY,
        "schedule.steps=2",
        "encoder.name=test_efficientnet",
        "encoder.pretrained=false",
    )
    options = [word for one in settings for word in ("--set", one)]
    shown = started_by(
        (*ACCELERATE, "--module", "flawscope", "train"), masked, "--out", tmp_path / "two", *options
    )
    assert shown.count("validation score") == 1
    assert (tmp_path / "two/inspector.flaw").exists()
    with in_one_process():
        train([masked], tmp_path / "one", settings=settings)
    for ours, theirs in zip(losses(tmp_path / "two"), losses(tmp_path / "one"), strict=True):
        assert ours == pytest.approx(theirs, rel=5e-3)
