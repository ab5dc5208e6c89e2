"""What arrives in a folder, once it is whole, each state of it once.

The folder is looked at again and again. Notices of the operating system would be quicker, but
network shares, where cameras write to, do not send them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from flawscope.batch.known import Known
from flawscope.batch.names import is_unfinished
from flawscope.batch.outcomes import Outcome
from flawscope.batch.sources import is_on_page
from flawscope.batch.stamps import Stamp, stamp_of
from flawscope.batch.walking import pictures_under
from flawscope.errors import ImageError

_MOST_PENDING = 10_000
"""Files that are looked at for change at a time: what bounds the memory of a full folder."""

_SHARE_LOOKING = 0.1
"""Of the time, at most, goes into looking at the folder."""


class Arrivals:
    """Files of a folder that are whole, and not yet done as they are now.

    A file is whole if its size and time of change are those of the look before. It is done if
    what was inspected last under its name had the same size and time of change, or the same
    content.

    Args:
        folder: to be watched, and the folders in it.
        known: what was done: addresses, and their state as ``state_of`` gives it.
        besides: a folder of pages, whose pictures are not found.

    Attributes:
        trouble: why the folder, or one in it, could not be searched when last looked at.

    Raises:
        ImageError: there is no such folder.
    """

    def __init__(self, folder: Path, known: Known, *, besides: Path | None = None) -> None:
        require_folder(folder)
        self.trouble: ImageError | None = None
        self._folder = folder.as_posix()
        self._known = known
        self._besides = besides.resolve() if besides is not None else None
        self._pending: dict[str, Stamp] = {}
        self._digests: dict[str, tuple[Stamp, str | None]] = {}

    @property
    def unfinished(self) -> int:
        """How many files were not known to be whole when last looked at."""
        return len(self._pending)

    def look(self) -> list[str]:
        """Addresses of the files that are whole, those that changed first before the others."""
        pending: dict[str, Stamp] = {}
        whole: dict[str, Stamp] = {}
        for address, stamp in islice(self._changed(), _MOST_PENDING):
            same = stamp[0] > 0 and self._pending.get(address) == stamp
            (whole if same else pending)[address] = stamp
        self._pending = pending
        return sorted(whole, key=lambda address: (whole[address][1], address))

    def fresh(self, addresses: Iterable[str]) -> Iterator[str]:
        """Those whose content is another than what was inspected under their name last."""
        for address in addresses:
            path = Path(address)
            stamp, digest = stamp_of(path), _digest_of(path)
            if stamp is None or stamp_of(path) != stamp:
                continue  # taken away, or being changed: the next looks will tell
            if digest and (self._known.state(address) or "").endswith(f":{digest}"):
                self._known.put(address, _state(stamp, digest))
            else:
                self._digests[address] = stamp, digest
                yield address

    def done(self, outcome: Outcome) -> dict[str, Any]:
        """Takes the outcome of a fresh file as done.

        Returns:
            ``file``, for the outcome's line: its ``bytes``, ``modified_ns``, ``changed_ns`` and
            ``sha256``, as far as it is known that they are those of what was inspected.
        """
        stamp, digest = self._digests.pop(outcome.id, (None, None))
        if outcome.stamp is None or outcome.stamp != stamp:
            stamp, digest = outcome.stamp, None
        size, modified, changed = stamp or (None, None, None)
        file = {
            "bytes": size,
            "modified_ns": modified,
            "changed_ns": changed,
            "sha256": digest,
        }
        self._known.put(outcome.id, state_of({"file": file}))
        return {"file": file}

    def _changed(self) -> Iterator[tuple[str, Stamp]]:
        """Files that are not done as they are now."""
        self.trouble = None
        for item in pictures_under(self._folder):
            if isinstance(item, Outcome):
                self.trouble = ImageError(str(item.error))
            elif not is_unfinished(item) and not self._is_besides(item):
                stamp = stamp_of(Path(item))
                state = self._known.state(item) or ""
                if stamp is not None and not state.startswith(_same_states(stamp)):
                    yield item, stamp

    def _is_besides(self, path: str) -> bool:
        return self._besides is not None and is_on_page(path, self._besides)


def require_folder(folder: Path) -> None:
    """Raises ImageError if there is no such folder."""
    if not folder.is_dir():
        raise ImageError("no such folder", where=folder, remedy="Check the path, or make it")


def _digest_of(path: Path) -> str | None:
    """sha256 of a file, in hex; ``None`` if it cannot be read, which its inspection will say."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def state_of(line: Mapping[str, Any]) -> str:
    """What the line of a file that arrived says of its state, for ``Journal.begin``."""
    file = line.get("file") or {}
    stamp = (file.get("bytes"), file.get("modified_ns"), file.get("changed_ns"))
    return _state(stamp, file.get("sha256") or "")


def _same_states(stamp: Stamp) -> tuple[str, str]:
    """How a state begins that is the same, also of a line that knows no other time of change."""
    return _state(stamp, ""), _state((*stamp[:2], None), "")


def _state(stamp: tuple[int | None, int | None, int | None], digest: str) -> str:
    return f"{':'.join(map(str, stamp))}:{digest}"


def looks(
    arrivals: Arrivals, *, every: float, once: bool = False, at_most: int
) -> Iterator[list[str]]:
    """Looks at a folder again and again, for ever or until nothing is left that is whole.

    Args:
        arrivals: of the folder.
        every: seconds between two looks, at least: for so long a file must not change; more
            where looking takes long.
        once: end when all that is there and whole has been given.
        at_most: files to give at a time.

    Yields:
        Addresses of files that are whole, some at a time; none after a look that found none.
    """
    number = 0
    while True:
        began = time.monotonic()
        whole = arrivals.look()
        number += 1
        spent = time.monotonic() - began
        for start in range(0, max(1, len(whole)), at_most):
            yield whole[start : start + at_most]
        if once and number > 1 and not whole:
            return
        pause = max(every, spent / _SHARE_LOOKING) - (time.monotonic() - began)
        time.sleep(max(0.0, pause))
