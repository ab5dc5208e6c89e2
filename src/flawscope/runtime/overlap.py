"""Many things worked on at once, given back in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

GLANCE = 0.05
"""Seconds between two looks for the next item."""


def always() -> bool:
    """The next item can always be had without waiting."""
    return True


def in_order(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int,
    ahead: int,
    ready: Callable[[], bool] = always,
) -> Generator[R, None, None]:
    """What ``work`` makes of each item, in the order of the items.

    Items are taken as they are needed, so there may be endlessly many. Leaving the iterator early
    waits for what is being worked on, and no longer.

    Args:
        work: run in threads of its own. What it raises is raised where its result is due.
        items: taken in the thread that iterates.
        workers: how many items are worked on at once.
        ahead: how many results may be under way or waiting while the caller has one.
        ready: whether the next item can be had without waiting for it. As long as it cannot,
            results are given as they are done.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="flawscope-inspect")
    waiting: deque[Future[R]] = deque()
    coming = iter(items)
    try:
        while True:
            while waiting and not ready():
                if wait([waiting[0]], timeout=GLANCE).done:
                    yield waiting.popleft().result()
            try:
                item = next(coming)
            except StopIteration:
                break
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
