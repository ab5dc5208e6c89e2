"""Inspectors as Ray actors, by the command line in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from batch_parts import lines_of

from flawscope.batch import Crew, crew
from flawscope.batch.crew import ORDER, PLACES
from flawscope.bundle import Bundle
from flawscope.cli import main
from flawscope.errors import EngineError
from flawscope.images import save_image
from flawscope.runtime import Inspector
from flawscope.values import Policy
from toy_models import write_model

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

COUNT = 40


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    policy = Policy(accept_below=0.3, reject_above=0.8)
    return write_model(tmp_path_factory.mktemp("model") / "toy.flaw", policy=policy)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures from black to red, and one file that is none."""
    folder = tmp_path_factory.mktemp("parts")
    for number in range(COUNT - 1):
        image = np.zeros((64, 64, 3), dtype=np.uint8)
        image[..., 0] = 6 * number
        save_image(image, folder / f"{number:02}.png")
    (folder / "broken.png").write_bytes(b"not a picture")
    return folder


SABOTAGE = """
import os, signal, sys, time
from flawscope.batch import Crew
from flawscope.batch import Crew, crew
from flawscope.batch.crew import ORDER, PLACES
from flawscope.bundle import Bundle
from flawscope.cli import main
from flawscope.errors import EngineError

examined = Crew.examined

def sabotaged(crew, items, **options):
    import ray

    process = lambda _worker: os.getpid()
    victim = ray.get([one.__ray_call__.remote(process) for one in crew.workers])[0]

    def given():
        for number, item in enumerate(items):
            if number == 0:
                time.sleep(1.0)  # until both are known to be ready
                os.kill(victim, signal.SIGSTOP)
            yield item

    for number, outcome in enumerate(examined(crew, given(), **options), 1):
        yield outcome
        if number == int(sys.argv[1]):
            os.kill(victim, signal.SIGKILL)
            print("killed", file=sys.stderr)

Crew.examined = sabotaged
sys.exit(main(sys.argv[2:]))
"""
"""One of two workers is stopped before it is given orders, and killed once only these are left."""


@needs_ray
def test_a_killed_worker_loses_and_repeats_nothing(
    folder: Path, model: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results.jsonl"
    options = ["--engine", "ray:onnxruntime", "--workers", "2", "--results", str(results)]
    others = str(COUNT - PLACES * ORDER)
    run = subprocess.run(
        [sys.executable, "-c", SABOTAGE, others, "inspect", ".", "--model", str(model), *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 2, run.stderr  # one file is no picture
    assert "killed\n" in run.stderr, "the worker had no orders"
    lines = {line["id"]: line for line in lines_of(results)}
    assert len(lines_of(results)) == COUNT
    assert set(lines) == {path.name for path in folder.iterdir()}
    assert run.stdout.count("\n") == COUNT - 1
    assert "broken.png" in run.stderr
    assert "on Ray, 2 workers" in run.stderr
    assert "core_worker" not in run.stderr
    plain = Inspector.load(model, engine="onnxruntime")
    for name in ("00.png", "17.png", "38.png"):
        assert lines[name]["score"] == pytest.approx(plain.inspect(folder / name).score)


FATAL = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from flawscope.batch import Crew, crew
from flawscope.batch.crew import Worker

class Mortal(Worker):
    def examine(self, model, items, scale, *, pixels):
        if "20.png" in items:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().examine(model, items, scale, pixels=pixels)

crew.Worker = Mortal
with Crew.hired(sys.argv[1], workers=1, engine="onnxruntime") as hired:
    for outcome in hired.examined(sorted(path.name for path in Path().glob("*.png"))):
        print(outcome.id, "lost" if "ended the worker" in str(outcome.error) else "")
"""
"""A picture that ends whatever worker looks at it."""


@needs_ray
def test_a_picture_that_kills_workers_ends_none_of_the_others(folder: Path, model: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FATAL, str(model)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    outcomes = dict(line.split(" ") for line in run.stdout.splitlines())
    assert len(run.stdout.splitlines()) == len(outcomes) == COUNT
    assert [name for name, fate in outcomes.items() if fate] == ["20.png"]


def test_workers_without_ray_are_refused(
    folder: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", str(folder), "--model", str(model), "--workers", "2"]) == 2
    assert "--engine ray" in capsys.readouterr().err


def test_without_ray_the_message_is_the_command_that_brings_it(
    folder: Path, model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setattr("os.environ", dict(os.environ))  # what Ray would read is left behind
    assert main(["inspect", str(folder), "--model", str(model), "--engine", "ray"]) == 2
    assert 'pip install "flawscope[ray]"' in capsys.readouterr().err


def test_a_worker_that_dies_as_it_begins_is_begun_again_and_missed_by_none_but_the_last(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    class Worker:
        """Stands for Ray's handle of one."""

        def __init__(self) -> None:
            self.ready = self
            self.calls = 0

        def remote(self, _model: object) -> object:
            self.calls += 1
            return object()

    def lost(_ray: object, _call: object) -> None:
        raise crew._WorkerLostError

    def begin(staff: Crew, rota: crew._Rota) -> None:
        while rota.joining:
            staff._welcome(crew, next(iter(rota.joining)), rota)

    monkeypatch.setattr(crew, "_answer", lost)
    doomed, sound = Worker(), Worker()
    staff = Crew(Bundle.open(model), "two", [doomed, sound], None, ours=False)
    rota = crew._Rota({doomed.remote(None): doomed}, bool, busy={sound: 0})
    begin(staff, rota)
    assert doomed.calls == 1 + crew._STARTS
    assert rota.busy == {sound: 0}
    with pytest.raises(EngineError, match="every worker dies while it is being started"):
        begin(staff, crew._Rota({doomed.remote(None): doomed}, bool))


@needs_ray
def test_a_cluster_that_does_not_answer_is_said_so_at_once(
    folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    began = time.monotonic()
    assert main(["inspect", str(folder), "--model", str(model), "--engine", "ray"]) == 2
    assert time.monotonic() - began < 30
    assert "error: RAY_ADDRESS=127.0.0.1:1: Ray cannot be reached" in capsys.readouterr().err


def test_being_ended_while_ray_starts_is_being_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray's own handler of SIGTERM, which it sets on its way, exits with 15."""
    ended: list[int] = []
    monkeypatch.setattr(crew, "_knock", lambda _address: None)
    monkeypatch.setenv("RAY_ADDRESS", "ray://elsewhere:10001")

    def start(**_: object) -> None:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(number))
        signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    try:
        crew._join(SimpleNamespace(init=start), 1)  # type: ignore[arg-type]
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended == [signal.SIGTERM]
