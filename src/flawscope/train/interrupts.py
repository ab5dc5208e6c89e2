"""Ctrl-C, held until a step is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Interrupt:
    """Whether somebody asked to stop."""

    wanted: bool = False


@contextmanager
def interrupts_held() -> Iterator[Interrupt]:
    """Ctrl-C and SIGTERM in the body are noted instead of raised; a second Ctrl-C is raised at once.

    Outside the main thread, where signals cannot be caught, nothing is held.
    """
    interrupt = Interrupt()

    def note(_number: int, _frame: FrameType | None) -> None:
        if interrupt.wanted:
            raise KeyboardInterrupt
        interrupt.wanted = True

    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
