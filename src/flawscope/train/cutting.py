"""A second process that cuts crops while this one learns from those before.

It needs NumPy and OpenCV alone. One that imported PyTorch would hold half a gigabyte more.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import cv2
import numpy as np

from flawscope.errors import FlawscopeError, TrainingError
from flawscope.train.crops import Crop, Crops
from flawscope.train.interrupts import born_deaf

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    Cuts = multiprocessing.Queue[Crop | FlawscopeError]

_AHEAD = 4
"""Batches that may be cut before they are asked for."""

_SECONDS = 2.0
"""After so many without a batch each process looks whether the other is still there."""


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
    cuts: Cuts = context.Queue(_AHEAD)
    worker = context.Process(target=_work, args=(crops, numbers, cuts), daemon=True)
    with born_deaf():
        worker.start()
    try:
        yield (_next(worker, cuts) for _ in numbers)
    finally:
        worker.kill()
        worker.join()


def _next(worker: SpawnProcess, cuts: Cuts) -> Crop:
    while True:
        try:
            found = cuts.get(timeout=_SECONDS)
        except queue.Empty:
            if worker.is_alive():
                continue
            raise TrainingError(
                f"the process that cuts crops died (exit code {worker.exitcode})",
                remedy="If memory ran out, close other programs or lower schedule.batch; then go"
                " on with --resume",
            ) from None
        if isinstance(found, FlawscopeError):
            raise found
        return found


def _work(crops: Crops, numbers: Sequence[Sequence[int]], cuts: Cuts) -> None:
    """Cuts one batch after the other, with one thread.

    It is deaf to signals to stop: the process that learns decides when, and launchers and service
    managers send theirs to every process at once.
    """
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    cv2.setNumThreads(1)
    cuts.cancel_join_thread()  # nobody may be left to take what is still on its way
    for batch in numbers:
        found: Crop | FlawscopeError
        try:
            found = cut(crops, batch)
        except FlawscopeError as error:
            found = error
        except Exception as error:  # noqa: BLE001 - the process that learns is to raise it
            found = TrainingError(f"a crop could not be cut ({type(error).__name__}: {error})")
        if not _given(found, cuts):
            return
    learning = multiprocessing.parent_process()
    if learning is not None:  # which ends this process when it has taken all
        learning.join()


def _given(found: Crop | FlawscopeError, cuts: Cuts) -> bool:
    """Waits until there is room; false if the process that learns is gone."""
    learning = multiprocessing.parent_process()
    while learning is None or learning.is_alive():
        try:
            cuts.put(found, timeout=_SECONDS)
        except queue.Full:
            continue
        return True
    return False
