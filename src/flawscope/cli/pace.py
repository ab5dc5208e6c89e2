"""How a long run goes: how many are done, how fast, and how long the rest will take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.progress import MofNCompleteColumn, Progress, ProgressColumn, Task
from rich.text import Text

from flawscope.cli.console import note, progress

_SECONDS_BETWEEN_NOTES = 30.0

Count = Callable[[Callable[[], bool]], int | None]
"""Counts what there is to do, for as long as it is not told to stop."""


class _Rate(ProgressColumn):
    """Pictures a second, of late."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


class Pace:
    """Is told of every picture that is done, and shows it; made by ``paced``.

    Attributes:
        done: pictures, those from before included.
        total: how many there are, once that is known.
    """

    def __init__(self, bar: Progress, description: str, before: int) -> None:
        self.done = before
        self.total: int | None = None
        self._before = before
        self._description = description
        self._bar = bar
        self._task = bar.add_task(description, total=None, completed=before)
        self._began = self._told = time.monotonic()

    def step(self) -> None:
        """One more is done."""
        self.done += 1
        if not self._bar.disable:
            self._bar.update(self._task, completed=self.done, total=self.total)
        elif time.monotonic() - self._told > _SECONDS_BETWEEN_NOTES:
            self._told = time.monotonic()
            note(self._in_words())

    def _in_words(self) -> str:
        rate = (self.done - self._before) / (time.monotonic() - self._began)
        words = f"{self._description}: {self.done:,}"
        if self.total is None:
            return f"{words}, {rate:.1f} a second"
        left = timedelta(seconds=round(max(0, self.total - self.done) / rate))
        return f"{words} of {self.total:,}, {rate:.1f} a second, {left} left"


@contextmanager
def paced(
    description: str, count: Count | None, *, before: int = 0, beside_results: bool = False
) -> Iterator[Pace]:
    """Shows how a long run goes: a bar on a terminal, elsewhere a line now and then, on stderr.

    Args:
        description: of what is done.
        count: counts the pictures meanwhile, in a thread of its own; without it nobody knows how
            many there are.
        before: pictures that are done already.
        beside_results: results are shown meanwhile; on one terminal they are progress enough.
    """
    ended = threading.Event()

    def find_total() -> None:
        if count is not None:
            pace.total = count(ended.is_set)

    with progress(MofNCompleteColumn(), _Rate(), beside_results=beside_results) as bar:
        pace = Pace(bar, description, before)
        counter = threading.Thread(target=find_total, name="flawscope-count", daemon=True)
        counter.start()
        try:
            yield pace
        finally:
            ended.set()
            counter.join()
