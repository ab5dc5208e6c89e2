"""Pictures of object stores, copied here a few ahead of their turn; others stay where they are."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from flawscope.batch.outcomes import Item, Outcome
from flawscope.batch.stores import is_url, persisting, store_of
from flawscope.errors import FlawscopeError, ImageError
from flawscope.runtime.overlap import always

_FETCHERS = 8
_AHEAD = 16
"""Copies under way or waiting, at most: what bounds the disk that they take."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A picture that can be opened here.

    Attributes:
        id: its address.
        path: the file, or its copy.
        error: why there is none; ``path`` is no file then.
        fetched: whether the file is a copy, to be removed after use.
    """

    id: str
    path: Path
    error: FlawscopeError | None = None
    fetched: bool = False


def fetched(
    items: Iterable[Item], closing: ExitStack, ready: Callable[[], bool] = always
) -> Generator[Copy, None, None]:
    """A local file for every address, in order; none of them twice at one path.

    Args:
        items: addresses, taken as they are needed, and outcomes, which become copies that have
            an error.
        closing: removes what copies are left when it is closed, and not before: whoever took the
            last one may not have opened it yet.
        ready: whether the next item can be had without waiting; until it can, copies are.
    """
    waiting: deque[Copy | Future[Copy]] = deque()
    workshop: tuple[Path, ThreadPoolExecutor] | None = None
    for number, item in enumerate(items):
        if isinstance(item, str) and not is_url(item):
            waiting.append(Copy(item, Path(item)))
        else:
            workshop = workshop or _workshop(closing)
            waiting.append(_begun(item, workshop[0] / f"{number}", workshop[1]))
        while waiting and (_is_there(waiting[0]) or len(waiting) > _AHEAD or not ready()):
            yield _when_there(waiting.popleft())
    while waiting:
        yield _when_there(waiting.popleft())


def _workshop(closing: ExitStack) -> tuple[Path, ThreadPoolExecutor]:
    """A folder for copies, and who fetches them; made only where something is to be fetched."""
    folder = tempfile.TemporaryDirectory(prefix="flawscope-", ignore_cleanup_errors=True)
    path = Path(closing.enter_context(folder))
    pool = ThreadPoolExecutor(_FETCHERS, thread_name_prefix="flawscope-fetch")
    closing.callback(pool.shutdown, wait=True, cancel_futures=True)
    return path, pool


def _begun(item: Item, path: Path, pool: ThreadPoolExecutor) -> Copy | Future[Copy]:
    if isinstance(item, Outcome):
        return Copy(item.id, path, item.error)
    return pool.submit(_copied, item, path)


def _is_there(copy: Copy | Future[Copy]) -> bool:
    return isinstance(copy, Copy) or copy.done()


def _when_there(copy: Copy | Future[Copy]) -> Copy:
    return copy if isinstance(copy, Copy) else copy.result()


def _copied(url: str, path: Path) -> Copy:
    try:
        store, place = store_of(url)
        data = persisting(lambda: store.cat_file(place), url)
        path.write_bytes(data)
    except FlawscopeError as error:
        return Copy(url, path, error)
    except OSError as error:
        fault = ImageError(
            f"cannot be kept while it is inspected ({error.strerror or error})",
            where=url,
            remedy="Make room for temporary files, or name another place with TMPDIR",
        )
        return Copy(url, path, fault)
    return Copy(url, path, fetched=True)
