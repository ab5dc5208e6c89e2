"""No verdict of a part that was named waits for the next to be named."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from batch_parts import lines_of, picture

from flawscope.batch import Ahead
from flawscope.runtime.overlap import in_order
from toy_models import write_model


class Named:
    """Numbers as somebody names them; ``None`` ends."""

    def __init__(self) -> None:
        self.queue: queue.Queue[int | None] = queue.Queue()

    def __iter__(self) -> Iterator[int]:
        while (number := self.queue.get()) is not None:
            yield number


def test_the_same_items_come_in_their_order_and_the_end_more_than_once() -> None:
    ahead = Ahead(range(1000))
    assert list(ahead) == list(range(1000))
    assert ahead.ready()
    assert list(ahead) == []


def test_what_is_raised_is_raised_where_items_are_awaited() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("the pipe broke")

    taken = iter(Ahead(broken()))
    assert next(taken) == 1
    with pytest.raises(OSError, match="the pipe broke"):
        next(taken)


def test_whoever_leaves_early_leaves_no_thread() -> None:
    before = threading.active_count()
    ahead = Ahead(iter(int, 1))
    assert next(iter(ahead)) == 0
    ahead.close()
    for thread in threading.enumerate():
        if thread.name == "flawscope-ahead":
            thread.join(10)
    assert threading.active_count() == before


def test_results_are_given_while_nothing_else_is_there() -> None:
    named = Named()
    ahead = Ahead(named)
    results = in_order(lambda one: 2 * one, ahead, workers=2, ahead=5, ready=ahead.ready)
    for number in range(4):
        named.queue.put(number)
        assert next(results) == 2 * number
    for number in (4, 5, 6, 7, None):
        named.queue.put(number)
    assert list(results) == [8, 10, 12, 14]


@pytest.mark.parametrize("engine", ["onnxruntime", "ray:onnxruntime"])
def test_the_verdict_of_a_named_part_does_not_wait_for_the_next_name(
    tmp_path: Path, engine: str
) -> None:
    if engine.startswith("ray"):
        pytest.importorskip("ray")
    model = write_model(tmp_path / "toy.flaw")
    for name in ("first", "0", "1", "folder/a", "folder/b"):
        picture(tmp_path / f"{name}.png")
    command = [sys.executable, "-m", "flawscope", "inspect", tmp_path / "first.png", "-"]
    command += ["--model", model, "--engine", engine, "--json", "--results", tmp_path / "r.jsonl"]
    with subprocess.Popen(
        [*map(str, command)],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        assert "first.png" in process.stdout.readline()
        done = 1
        for line, shown in (
            ("\ufeff0.png\r", ["0.png"]),
            ("0.png\n\n1.png", ["1.png"]),  # named twice, nothing, another
            ("folder", ["folder/a.png", "folder/b.png"]),
        ):
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            said = [process.stdout.readline() for _ in shown]
            assert all(any(name in one for one in said) for name in shown)
            done += len(shown)
            assert len(lines_of(tmp_path / "r.jsonl")) == done
        process.stdin.close()
        assert process.wait() == 0
        watchdog.cancel()
