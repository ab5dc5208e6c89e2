"""Several images at a time: the same answers, in order, however many, whatever breaks."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.bundle import shipped_model
from flawscope.errors import EngineError, ImageError
from flawscope.images import save_image
from flawscope.runtime import (
    ENGINES,
    Examination,
    Failure,
    Inspector,
    cascade,
    inspector,
    record,
    running,
)
from flawscope.synth import render
from flawscope.values import InputFit
from toy_models import write_model

MODES = [(1, 1), (2, 2), (4, 3)]
"""Threads and streams."""

ROOMY = InputFit()
WAITING = inspector._SPARE + inspector._WAITING

Runs = Callable[[str, Mapping[str, np.ndarray]], None]


def part(number: int, side: int = 60) -> np.ndarray:
    """Its blue says which it is; every third has a red spot."""
    image = np.zeros((side, side + number % 3, 3), dtype=np.uint8)
    image[..., 2] = number
    if number % 3 == 0:
        image[10:20, 10 : 20 + number % 7, 0] = 200
    return image


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """24 of them, two of which are no images."""
    paths = [tmp_path / f"{number:02}.png" for number in range(24)]
    for number, path in enumerate(paths):
        save_image(part(number), path)
    paths[5].write_bytes(b"")
    paths[18].write_text("text", encoding="ascii")
    return paths


def told(results: Iterable[Examination | Failure]) -> list[Any]:
    """What was said of each, but for the time it took."""
    said: list[Any] = []
    for result in results:
        if isinstance(result, Failure):
            said.append((result.path, str(result.error)))
        else:
            said.append({**record(result.inspection), "seconds": None})
    return said


@pytest.mark.parametrize("engine", ENGINES)
def test_every_mode_says_the_same_in_the_same_order(
    shared_model: Path, parts: list[Path], engine: str
) -> None:
    said = []
    for threads, streams in MODES:
        one = Inspector.load(shared_model, engine=engine, threads=threads, streams=streams)
        assert (one.threads, one.streams) == (threads, streams)
        said.append(told(one.inspect_many(parts)))
    ids = [one["id"] if isinstance(one, dict) else one[0].as_posix() for one in said[0]]
    assert ids == [path.as_posix() for path in parts]
    assert said[0] == said[1] == said[2]
    assert sum(isinstance(one, dict) and one["verdict"] == "reject" for one in said[0]) == 7


def test_the_shipped_model_says_the_same_in_every_mode(tmp_path: Path) -> None:
    paths = []
    for seed, defects in enumerate([(), ("scratch",), ("pit", "stain")]):
        paths.append(tmp_path / f"{seed}.png")
        save_image(render(seed, size=(96, 224), defects=defects).image, paths[-1])
    first, second = (
        told(
            Inspector.load(
                shipped_model(), engine="openvino", threads=2, streams=streams
            ).inspect_many(paths * 2)
        )
        for streams in (1, 2)
    )
    assert [(one["verdict"], one["score"]) for one in first] == [
        (one["verdict"], one["score"]) for one in second
    ]
    assert [len(one["defects"]) for one in first] == [len(one["defects"]) for one in second]


def test_streams_that_make_no_sense(shared_model: Path) -> None:
    with pytest.raises(EngineError, match="0 streams"):
        Inspector.load(shared_model, engine="onnxruntime", streams=0)
    assert Inspector.load(shared_model, engine="onnxruntime", threads=2, streams=9).streams == 2
    assert Inspector.load(shared_model, engine="onnxruntime", threads=9, streams=None).streams == 4


@pytest.mark.parametrize("streams", [1, 3])
def test_only_so_many_pictures_are_held(
    shared_model: Path, monkeypatch: pytest.MonkeyPatch, streams: int
) -> None:
    alive: set[int] = set()
    most = 0
    opened = itertools.count()

    def fake(_path: Path, **_: object) -> np.ndarray:
        nonlocal most
        image, key = part(1), next(opened)
        alive.add(key)
        most = max(most, len(alive))
        weakref.finalize(image, alive.discard, key)
        return image

    monkeypatch.setattr(inspector, "open_image", fake)
    one = Inspector.load(shared_model, engine="onnxruntime", threads=streams, streams=streams)
    endless = (Path(f"{number}.png") for number in itertools.count())
    results = one.inspect_many(endless)
    for result in itertools.islice(results, 60):
        assert isinstance(result, Examination)
        time.sleep(0.002)  # a slow reader, for whom everything piles up
    del result
    results.close()
    assert streams < most <= streams + WAITING + 2  # one being taken, one at the reader's
    assert not alive


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[Runs]:
    """What is called with a graph's name and tensors before it is run."""
    watchers: list[Runs] = []
    load_graph = running.load_graph

    def watching(engine: str, graph: bytes, threads: int, name: str, *how: Any, **and_: Any) -> Any:
        run = load_graph(engine, graph, threads, name, *how, **and_)

        def watched_run(tensors: Mapping[str, np.ndarray]) -> Any:
            for watcher in watchers:
                watcher(name, tensors)
            return run(tensors)

        return watched_run

    monkeypatch.setattr(running, "load_graph", watching)
    return watchers


def test_good_parts_cost_the_encoder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: list[Runs]
) -> None:
    counted: Counter[str] = Counter()
    watched.append(lambda name, _: counted.update([name]))

    def forbidden(*_: object) -> None:
        raise AssertionError("no pixel of a good part's mask is to be touched")

    monkeypatch.setattr(cascade, "Stitcher", forbidden)
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"{number}.png")
        save_image(part(1 + 3 * number), paths[-1])
    model = write_model(tmp_path / "m.flaw", fit=ROOMY)
    good = Inspector.load(model, engine="onnxruntime", threads=2, streams=2)
    assert all(result.heat is None for result in good.inspect_many(paths))
    assert counted == {"encoder.onnx": 12}


def test_a_picture_that_the_engine_fails_on_is_a_failure(
    shared_model: Path, parts: list[Path], watched: list[Runs]
) -> None:
    def fail_on_the_ninth(_name: str, tensors: Mapping[str, np.ndarray]) -> None:
        if tensors.get("image", np.zeros((1, 1, 1, 3)))[0, 0, 0, 2] == 9:
            raise EngineError("out of memory", where="encoder.onnx")

    watched.append(fail_on_the_ninth)
    one = Inspector.load(shared_model, engine="onnxruntime", threads=2, streams=2)
    results = list(one.inspect_many(parts))
    assert len(results) == len(parts)
    failed = {number: r for number, r in enumerate(results) if isinstance(r, Failure)}
    assert list(failed) == [5, 9, 18]
    assert isinstance(failed[9].error, EngineError)
    assert str(failed[9].error).startswith(f"{parts[9]}: out of memory")


def test_an_engine_that_fails_on_everything_ends_the_batch(
    shared_model: Path, parts: list[Path], watched: list[Runs]
) -> None:
    def fail(*_: object) -> None:
        raise EngineError("the licence has run out", where="encoder.onnx")

    one = Inspector.load(shared_model, engine="onnxruntime")
    results = one.inspect_many(parts)
    assert isinstance(next(results), Examination)
    watched.append(fail)
    with pytest.raises(EngineError, match=r"encoder\.onnx: the licence"):
        list(results)


def test_a_picture_too_large_for_the_memory_is_a_failure(
    shared_model: Path, parts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_image = inspector.open_image

    def opened(path: Path, **others: Any) -> np.ndarray:
        if path == parts[2]:
            raise MemoryError
        return open_image(path, **others)

    monkeypatch.setattr(inspector, "open_image", opened)
    results = list(Inspector.load(shared_model, engine="onnxruntime").inspect_many(parts[:4]))
    assert [type(result) for result in results] == [Examination, Examination, Failure, Examination]
    assert isinstance(results[2], Failure)
    assert isinstance(results[2].error, ImageError)
    assert "memory" in str(results[2].error)


FLAT = """
import itertools, sys
from flawscope import Inspector, record
from flawscope.bench.memory import own_peak
model, picture = sys.argv[1:]
inspector = Inspector.load(model, engine="onnxruntime", threads=2, streams=2)
for count in (60, 600):
    for result in inspector.inspect_many(itertools.repeat(picture, count)):
        record(result.inspection)
    print(own_peak())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Others do not say what a process held")
def test_ten_times_as_many_pictures_take_no_more_memory(tmp_path: Path) -> None:
    """Were the pictures kept, it would be twice as much."""
    save_image(part(3, side=256), tmp_path / "part.bmp")
    model = write_model(tmp_path / "m.flaw", fit=ROOMY)
    done = subprocess.run(
        [sys.executable, "-c", FLAT, str(model), str(tmp_path / "part.bmp")],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    few, many = map(int, done.stdout.split())
    assert many < 1.2 * few


ENDLESS = """
import itertools, signal, sys, threading
from pathlib import Path
from flawscope import Inspector
signal.signal(signal.SIGINT, signal.default_int_handler)
model, picture = sys.argv[1:]
inspector = Inspector.load(model, engine="onnxruntime", threads=2, streams=2)
try:
    for number, result in enumerate(inspector.inspect_many(itertools.repeat(picture))):
        print(f"{number} {result.inspection.verdict}\\n", end="", flush=True)  # in one piece
except KeyboardInterrupt:
    print("stopped with", threading.active_count(), "thread", flush=True)
"""


def test_ctrl_c_leaves_no_thread_and_no_gap(tmp_path: Path) -> None:
    save_image(part(3), tmp_path / "part.png")
    model = write_model(tmp_path / "m.flaw")
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(model), str(tmp_path / "part.png")],
        stdout=subprocess.PIPE,
        bufsize=0,  # in a buffer communicate() would not find the lines that follow
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(10)]
        os.kill(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    *results, last = b"".join([*lines, rest]).decode().splitlines()
    assert last == "stopped with 1 thread"
    assert results == [f"{number} reject" for number in range(len(results))]
    assert process.returncode == 0
