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
    """Whether somebody asked this process to end.

    Attributes:
        wanted: by SIGTERM.
        asked: by that or by Ctrl-C, whatever became of the KeyboardInterrupt.
    """

    wanted: bool = False
    asked: bool = False

    def broke_off(self, error: BaseException) -> bool:
        """Whether an error is what an import that was interrupted ended with.

        Packages in C turn the KeyboardInterrupt into an ImportError of their own.
        """
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ImportError):
            cause = cause.__cause__ or cause.__context__
        return self.asked and cause is not None


@contextmanager
def termination_interrupts() -> Iterator[Termination]:
    """SIGTERM in the body does what Ctrl-C does there, so that no half-written file is left.

    Outside the main thread, where signals cannot be caught, nothing changes.
    """
    termination = Termination()

    def note(number: int, frame: FrameType | None) -> None:
        termination.asked = True
        signal.default_int_handler(number, frame)

    def interrupt(_number: int, frame: FrameType | None) -> None:
        termination.wanted = termination.asked = True
        on_ctrl_c = signal.getsignal(signal.SIGINT)
        if callable(on_ctrl_c):
            on_ctrl_c(signal.SIGINT, frame)
        else:  # a shell's background jobs are deaf to Ctrl-C, but not to this
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield termination
        return
    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, interrupt)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        before[signal.SIGINT] = signal.signal(signal.SIGINT, note)
    try:
        yield termination
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
