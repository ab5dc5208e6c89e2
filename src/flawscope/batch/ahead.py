"""Items taken ahead by a thread of their own, so that nobody has to wait to know of the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 64
_SECONDS_BETWEEN_TRIES = 0.1


class _End:
    """What comes after the last item: nothing, or what was raised."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Ahead(Generic[T]):
    """The same items in their order, and whether the next is there.

    The thread is a daemon: whoever waits in it for somebody to name the next item keeps no process
    from ending.

    Args:
        items: taken in the thread, up to 64 ahead.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = items
        self._there: queue.Queue[T | _End] = queue.Queue(_MOST)
        self._left = threading.Event()
        threading.Thread(target=self._take, name="flawscope-ahead", daemon=True).start()

    def ready(self) -> bool:
        """Whether the next item, or the end, can be had at once."""
        return not self._there.empty()

    def __iter__(self) -> Iterator[T]:
        """Items; raises what taking them raised."""
        while not isinstance(found := self._there.get(), _End):
            yield found
        self._there.put(found)  # and again, to whoever asks
        if found.error is not None:
            raise found.error

    def close(self) -> None:
        """Takes no more."""
        self._left.set()

    def _take(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                self._give(item)
                if self._left.is_set():
                    break
        except BaseException as raised:  # noqa: BLE001 - it is raised where items are awaited
            error = raised
        self._give(_End(error))

    def _give(self, item: T | _End) -> None:
        while not self._left.is_set():
            with suppress(queue.Full):
                self._there.put(item, timeout=_SECONDS_BETWEEN_TRIES)
                return
