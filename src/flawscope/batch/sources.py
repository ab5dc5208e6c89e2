"""Where pictures are: files, folders, globs, lists and object stores, as addresses on demand."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from glob import has_magic
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from flawscope.batch.known import Known
from flawscope.batch.outcomes import Item, Outcome
from flawscope.batch.stores import is_url, listed, names_many, require_there
from flawscope.batch.walking import matching, pictures_under
from flawscope.errors import ImageError

_CHUNK = 65_536
_BOM = b"\xef\xbb\xbf"

PICTURES = "pictures"
"""The folder that a page keeps its pictures in."""

_ON_PAGE = re.compile(rf"(\d{{8}}-\d{{6}}(-\d+)?/)?{PICTURES}/")
"""Pages of parts that keep arriving have folders named after the time."""

LIST = "-"
"""Stands for a list on standard input, one path or address a line."""


def each_once(items: Iterable[Item], known: Known) -> Iterator[Item]:
    """Items whose address is new to ``known``, which learns it, however it is spelt.

    Addresses that are known from an earlier run may have been relative to another folder, so they
    are known as they were spelt alone.
    """
    for item in items:
        address = item if isinstance(item, str) else item.id
        if known.add(address) and ((own := _own_name(address)) == address or known.add(own)):
            yield item


def _own_name(address: str) -> str:
    """The full path of a file, whichever links lead to its folder; a URL as it is."""
    if is_url(address):
        return address
    folder, name = os.path.split(address)
    try:
        return f"{os.path.realpath(folder or os.curdir)}/{name}"
    except (OSError, ValueError):  # the current folder is gone, or no file could be called so
        return address


class Sources:
    """The pictures at some places, searched for while they are gone through.

    Args:
        places: files, folders, globs, URLs that fsspec knows, and ``-`` for a list.
        besides: a folder of pages, whose pictures are not found.
        stream: where the list is; by default standard input.

    Raises:
        ImageError: a place that is named does not exist, or is where the pages' pictures go.
        MissingExtraError: a URL needs packages that are not installed.
    """

    def __init__(
        self,
        places: Sequence[str],
        *,
        besides: Path | None = None,
        stream: BinaryIO | None = None,
    ) -> None:
        self._places = places
        self._besides = besides
        self._stream = stream
        for place in places:
            _require_there(place)
            if besides is not None:
                _refuse_overwriting(place, besides.resolve())

    def __iter__(self) -> Iterator[Item]:
        """Addresses, and outcomes of folders that cannot be searched; some perhaps twice."""
        items = chain.from_iterable(map(self._found, self._places))
        return items if self._besides is None else _outside(items, self._besides)

    @property
    def listed(self) -> bool:
        """Whether somebody names them one by one, and may take a while for the next."""
        return LIST in self._places

    @property
    def countable(self) -> bool:
        """Whether it is cheap to find out how many there are: all are files of this machine's."""
        return not any(place == LIST or is_url(place) for place in self._places)

    def count(self, stopped: Callable[[], bool]) -> int | None:
        """How many addresses there are; ``None`` if it was stopped before that was known."""
        number = 0
        with Known() as known:
            for _ in each_once(self, known):
                if stopped():
                    return None
                number += 1
        return number

    def _found(self, place: str) -> Iterator[Item]:
        if place == LIST:
            for line in _lines(self._stream or _standard_input()):
                if named := os.fsdecode(line.removeprefix(_BOM)).rstrip("\r\n"):
                    yield from _on_list(named)
        elif is_url(place):
            yield from listed(place)
        else:
            yield from _here(place)


def _standard_input() -> BinaryIO:
    if sys.stdin is None:
        raise ImageError(
            "standard input is closed, so there is no list on it",
            where=LIST,
            remedy="Pipe a list in, or name images, folders or globs",
        )
    return sys.stdin.buffer


def _here(place: str) -> Iterator[Item]:
    """What is at a place of this machine."""
    if has_magic(place) and not Path(place).exists():
        # Shells that do not expand globs, as on Windows, leave that to us.
        for match in matching(Path(place).as_posix()):
            yield from _local(match)
    else:
        yield from _local(Path(place).as_posix())


def _local(item: Item) -> Iterator[Item]:
    if isinstance(item, str) and _is_folder(item):
        yield from pictures_under(item)
    else:
        yield item


def _is_folder(place: str) -> bool:
    try:
        return Path(place).is_dir()
    except (OSError, ValueError):  # nobody may look, or no file could be called so
        return False


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines of a stream as they come, read past its buffer.

    A thread that waits in there would keep the interpreter from ending.
    """
    try:
        handle = stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        yield from stream
        return
    left = b""
    while chunk := os.read(handle, _CHUNK):
        *whole, left = (left + chunk).split(b"\n")
        yield from whole
    yield left


def _on_list(place: str) -> Iterator[Item]:
    """What a line of a list names; one that names nothing fails when its turn comes."""
    if not is_url(place):
        place = Path(place).as_posix()
        yield from _here(place) if _is_folder(place) or _matches(place) else [place]
    elif names_many(place):
        yield from listed(place)
    else:
        yield place  # whether it is a folder would cost a question to the store for each


def _outside(items: Iterable[Item], folder: Path) -> Iterator[Item]:
    own = folder.resolve()
    for item in items:
        if isinstance(item, Outcome) or is_url(item) or not is_on_page(item, own):
            yield item


def is_on_page(path: str, out: Path) -> bool:
    """Whether a path is of the pictures of a page that is in a folder, or in one of its folders.

    Args:
        path: of a file.
        out: absolute and without links.
    """
    try:
        inside = Path(os.path.realpath(path)).relative_to(out)
    except (OSError, ValueError):
        return False
    return _ON_PAGE.match(inside.as_posix()) is not None


def _refuse_overwriting(place: str, out: Path) -> None:
    if place != LIST and not is_url(place) and Path(place).resolve().is_relative_to(out / PICTURES):
        raise ImageError(
            f"is where the pictures of a page in {out} are written",
            where=place,
            remedy="Name another folder for the page",
        )


def _require_there(place: str) -> None:
    if place == LIST:
        return
    if not place.strip():
        raise ImageError(
            "an empty path names nothing",
            remedy="Name images, folders or globs; a dot is the current folder",
        )
    if is_url(place):
        require_there(place)
    elif not Path(place).exists() and not _matches(place):
        raise ImageError(
            "no such file or folder", where=place, remedy="Check the spelling of the path"
        )


def _matches(place: str) -> bool:
    """Whether a glob finds anything."""
    try:
        return has_magic(place) and next(matching(Path(place).as_posix()), None) is not None
    except ValueError:  # no file could be called so
        return False
