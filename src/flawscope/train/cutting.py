"""A second process that cuts crops while this one learns from those before.

It needs NumPy and OpenCV alone. One that imported PyTorch would hold half a gigabyte more.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import cv2
import numpy as np

from flawscope.errors import FlawscopeError, TrainingError
from flawscope.train.crops import Crop, Crops
from flawscope.train.interrupts import born_deaf

_AHEAD = 4
"""Batches that may be cut before they are asked for."""


def cut(crops: Crops, numbers: Sequence[int]) -> Crop:
    """A batch of the crops of these numbers."""
    return Crop(*(np.stack(ones) for ones in zip(*(crops[n] for n in numbers), strict=True)))


@contextmanager
def cutting(crops: Crops, numbers: Sequence[Sequence[int]]) -> Iterator[Iterator[Crop]]:
    """In the body, batches of the crops of so many numbers each, in order, cut by a second process.

    Taking the next raises what the cutting of it raised there (``FlawscopeError``), or that the
    process died.

    Args:
        crops: what to cut.
        numbers: of each batch.
    """
    if not numbers:
        yield iter(())
        return
    context = multiprocessing.get_context("spawn")
    # One end each: when either process is gone, however it went, the other is told by the pipe.
    taken, given = context.Pipe(duplex=False)
    worker = context.Process(target=_work, args=(crops, numbers, given), daemon=True)
    with taken:
        try:
            with given, born_deaf(signal.SIGINT, signal.SIGTERM):
                worker.start()
            yield (_next(worker, taken) for _ in numbers)
        finally:
            if worker.pid is not None:
                worker.kill()
                worker.join()


def _next(worker: SpawnProcess, taken: Connection) -> Crop:
    try:
        found = taken.recv()
    except (EOFError, OSError) as error:
        worker.join()
        raise TrainingError(
            f"the process that cuts crops died (exit code {worker.exitcode})",
            remedy="If memory ran out, close other programs or lower schedule.batch; then go on"
            " with --resume",
        ) from error
    if isinstance(found, FlawscopeError):
        raise found
    assert isinstance(found, Crop)
    return found


def _work(crops: Crops, numbers: Sequence[Sequence[int]], given: Connection) -> None:
    """Gives one batch after the other, a few of which are cut before they are taken.

    It is deaf to signals to stop: the process that learns decides when, and launchers and service
    managers send theirs to every process at once.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    ahead: queue.Queue[Crop | FlawscopeError] = queue.Queue(_AHEAD)
    threading.Thread(target=_cut_all, args=(crops, numbers, ahead), daemon=True).start()
    with suppress(OSError):  # the process that learns is gone
        for _ in numbers:
            given.send(ahead.get())


def _cut_all(
    crops: Crops, numbers: Sequence[Sequence[int]], ahead: queue.Queue[Crop | FlawscopeError]
) -> None:
    cv2.setNumThreads(1)
    for batch in numbers:
        found: Crop | FlawscopeError
        try:
            found = cut(crops, batch)
        except FlawscopeError as error:
            found = error
        except Exception as error:  # noqa: BLE001 - the process that learns is to raise it
            found = TrainingError(f"a crop could not be cut ({type(error).__name__}: {error})")
        ahead.put(found)
