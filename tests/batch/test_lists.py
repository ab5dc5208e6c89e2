"""A list of places is read as its lines come; no verdict waits for the next of them."""

from __future__ import annotations

import io
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from batch_parts import lines_of

from flawscope.batch.lists import Lines
from flawscope.images import save_image
from flawscope.runtime.overlap import in_order
from toy_models import write_model


@pytest.fixture
def pipe() -> Iterator[tuple[Lines, int]]:
    """The lines of a pipe, and its other end, which the test closes."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        yield Lines(stream), writing


@pytest.mark.skipif(os.name == "nt", reason="pipes of Windows cannot be asked")
def test_a_line_is_ready_once_it_is_whole(pipe: tuple[Lines, int]) -> None:
    lines, end = pipe
    assert not lines.ready()
    os.write(end, b"\xef\xbb\xbfpart 1")
    assert not lines.ready()
    os.write(end, b".png\r\npart 2.png\npart 3")
    assert lines.ready()
    coming = iter(lines)
    assert [next(coming), next(coming)] == ["part 1.png", "part 2.png"]
    assert not lines.ready()
    os.close(end)
    assert lines.ready()
    assert list(coming) == ["part 3"]
    assert lines.ready()


def test_what_cannot_be_asked_is_always_ready() -> None:
    lines = Lines(io.BytesIO(b"a\n\nb"))
    assert lines.ready()
    assert list(lines) == ["a", "b"]


def test_results_are_given_while_nothing_else_is_there() -> None:
    named: queue.Queue[int | None] = queue.Queue()

    def numbers() -> Iterator[int]:
        while (number := named.get()) is not None:
            yield number

    results = in_order(
        lambda number: 2 * number,
        numbers(),
        workers=2,
        ahead=5,
        ready=lambda: not named.empty(),
    )
    for number in range(4):
        named.put(number)
        assert next(results) == 2 * number
    for number in range(4, 8):
        named.put(number)
    named.put(None)
    assert list(results) == [8, 10, 12, 14]


@pytest.mark.skipif(os.name == "nt", reason="pipes of Windows cannot be asked")
def test_the_verdict_of_a_named_part_does_not_wait_for_the_next_name(tmp_path: Path) -> None:
    model = write_model(tmp_path / "toy.flaw")
    for number in range(3):
        save_image(np.zeros((64, 64, 3), dtype=np.uint8), tmp_path / f"{number}.png")
    command = [sys.executable, "-m", "flawscope", "inspect", "-", "--model", model]
    command += ["--engine", "onnxruntime", "--json", "--results", tmp_path / "r.jsonl"]
    with subprocess.Popen(
        [*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(60, process.kill)
        watchdog.start()
        for number in range(3):
            process.stdin.write(f"{tmp_path / f'{number}.png'}\n")
            process.stdin.flush()
            assert f"{number}.png" in process.stdout.readline()
            assert len(lines_of(tmp_path / "r.jsonl")) == number + 1
        process.stdin.close()
        assert process.wait() == 0
        watchdog.cancel()
