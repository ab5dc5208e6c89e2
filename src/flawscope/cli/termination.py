"""SIGTERM, as service managers and schedulers send it, taken as Ctrl-C is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Termination:
    """Whether somebody asked this process to end."""

    wanted: bool = False


@contextmanager
def termination_interrupts() -> Iterator[Termination]:
    """SIGTERM in the body does what Ctrl-C does there, so that no half-written file is left.

    Outside the main thread, where signals cannot be caught, nothing changes.
    """
    termination = Termination()

    def interrupt(_number: int, frame: FrameType | None) -> None:
        termination.wanted = True
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        if callable(on_ctrl_c):
            on_ctrl_c(signal.SIGINT, frame)
        else:  # a shell's background jobs are deaf to Ctrl-C, but not to this
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield termination
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield termination
    finally:
        signal.signal(signal.SIGTERM, before)
