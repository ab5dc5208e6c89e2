"""How work on many images tells of its progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Progress = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and of how much (``None``: unknown)."""

Item = TypeVar("Item")


def silent(_what: str, _done: int, _total: int | None) -> None:
    """Tells nobody."""


def told(items: Iterable[Item], what: str, total: int | None, progress: Progress) -> Iterator[Item]:
    """The items, telling after each one is dealt with."""
    for done, item in enumerate(items, start=1):
        yield item
        progress(what, done, total)
