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
    """The signal by which somebody asked to stop, if anybody did."""

    signal: int | None = None

    @property
    def wanted(self) -> bool:
        """Whether somebody asked to stop."""
        return self.signal is not None


@contextmanager
def interrupts_held() -> Iterator[Interrupt]:
    """Ctrl-C and SIGTERM in the body take effect when it ends; a second one interrupts at once.

    Outside the main thread, where signals cannot be caught, nothing is held.
    """
    interrupt = Interrupt()

    def note(number: int, _frame: FrameType | None) -> None:
        if interrupt.wanted:
            raise KeyboardInterrupt
        interrupt.signal = number

    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupt.signal is not None:
        signal.raise_signal(interrupt.signal)


@contextmanager
def born_deaf(*signals: signal.Signals) -> Iterator[None]:
    """Processes started in the body never hear these; whoever started them decides when to stop.

    Outside the main thread, where signals cannot be set, they hear them.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
