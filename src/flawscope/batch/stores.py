"""Object stores and other places that fsspec can reach, by URL.

Stores drop connections. What may pass is tried again with growing waits; what does not pass is
the error of that one picture or folder.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from flawscope.batch.names import is_picture
from flawscope.batch.outcomes import Item, Outcome
from flawscope.errors import FlawscopeError, ImageError, MissingExtraError

Value = TypeVar("Value")

TRIES = 5
_FIRST_WAIT = 0.25
"""Seconds before the second try; doubled before every other."""

_LASTING = {
    FileNotFoundError: "no such file or folder",
    IsADirectoryError: "it is a folder",
    NotADirectoryError: "no such file or folder",
    PermissionError: "it is not handed out",
}

_FOLDER = "directory"
"""As fsspec calls it."""

_CHAIN = "::"
"""Between an address and that of the file which it is in."""

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+)://")
"""One letter before the colon is a drive of Windows'."""

_EXTRAS = {
    "abfs": "azure",
    "abfss": "azure",
    "az": "azure",
    "gcs": "gcs",
    "gs": "gcs",
    "http": "http",
    "https": "http",
    "s3": "s3",
    "s3a": "s3",
}
"""The extra that brings what a scheme needs besides fsspec."""


def is_url(address: str) -> bool:
    """Whether an address is a URL, not a path."""
    return _SCHEME.match(address) is not None


def store_of(url: str) -> tuple[Any, str]:
    """The fsspec file system that a URL is of, and the place in it.

    Raises:
        MissingExtraError: fsspec is not installed, or what it needs for this scheme is not.
        ImageError: there is no such scheme.
    """
    scheme = url.partition("://")[0]
    feature = f"an address of {scheme}://"
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(feature, "remote") from error
    try:
        # What fsspec remembers of listings would grow with the number of pictures.
        store, place = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise MissingExtraError(feature, _EXTRAS.get(scheme, "remote")) from error
    except ValueError as error:
        raise ImageError(
            f"not an address that can be read ({error})",
            where=url,
            remedy="Write a path, or a URL of a scheme that fsspec knows, such as s3://",
        ) from error
    return store, str(place)


def persisting(ask: Callable[[], Value], url: str) -> Value:
    """What a store answers, asked again while it fails in ways that may pass.

    Raises:
        ImageError: it says that there is no such thing, or it failed too often.
    """
    for attempt in range(1, TRIES + 1):
        try:
            return ask()
        except tuple(_LASTING) as error:
            raise ImageError(
                f"cannot be read ({_LASTING.get(type(error), error)})",
                where=url,
                remedy="Check the address, and what this machine may read there",
            ) from error
        except Exception as error:
            if attempt == TRIES:
                raise ImageError(
                    f"cannot be fetched ({error or type(error).__name__}), {TRIES} times in a row",
                    where=url,
                    remedy="Check the network and the store, and inspect it again",
                ) from error
            time.sleep(_FIRST_WAIT * 2 ** (attempt - 1))
    raise AssertionError("the last try answers or raises")


def require_there(url: str) -> None:
    """Refuses a URL where there is nothing.

    Raises:
        ImageError: there is nothing, or nobody can say.
        MissingExtraError: packages are missing.
    """
    store, place = store_of(_without_pattern(url)[0])
    persisting(lambda: store.info(place), url)


def listed(url: str) -> Iterator[Item]:
    """Pictures at a URL: the one that it names, or those under a folder or glob, in order.

    One folder at a time is held in memory: stores list no less. fsspec's own walks, globs and
    questions of existence are not used, for they take a broken connection for a no.
    """
    start, pattern = _without_pattern(url)
    try:
        store, place = store_of(start)
        if pattern:
            fits = re.compile(_translated(pattern)).fullmatch
            depth = None if "**" in pattern else pattern.count("/")
            inside = len(_joined(start, "").partition(_CHAIN)[0])
            for item in _under(store, place, start, depth):
                if isinstance(item, Outcome) or fits(item.partition(_CHAIN)[0][inside:]):
                    yield item
        elif names_many(url) or persisting(lambda: store.info(place), url)["type"] == _FOLDER:
            yield from _under(store, place, start, None)  # http knows no folders but by their slash
        else:
            yield url
    except FlawscopeError as error:
        yield Outcome(url, error=error)


def _under(store: Any, folder: str, url: str, depth: int | None) -> Iterator[Item]:
    """Those of a folder in order of name, then those of the folders in it, down to a depth."""
    try:
        entries = persisting(lambda: store.ls(folder, detail=True), url)
    except FlawscopeError as error:
        yield Outcome(url, error=error)
        return
    kinds = {
        entry["name"].rstrip("/").rpartition("/")[2]: entry["type"]
        for entry in entries
        if not _holds(entry["name"], folder)
    }
    del entries
    for name in sorted(kinds):
        if kinds[name] != _FOLDER and is_picture(name):
            yield _joined(url, name)
    if depth == 0:
        return
    for name in sorted(kinds):
        if kinds[name] == _FOLDER and not name.startswith("."):
            below = None if depth is None else depth - 1
            place = f"{folder.rstrip('/')}/{name}" if folder else name
            yield from _under(store, place, _joined(url, name), below)


def _holds(outer: str, inner: str) -> bool:
    """Whether one folder of a store is the other, or has it somewhere in it.

    Indexes of web servers have a link to the folder above, some stores one to the folder itself.
    """
    return f"{inner.strip('/')}/".startswith(f"{outer.strip('/')}/")


def _joined(url: str, name: str) -> str:
    """The address of what is called so in a folder; in a chain of addresses, of the first's."""
    first, chain, rest = url.partition(_CHAIN)
    slash = "" if first.endswith("/") else "/"
    return f"{first}{slash}{name}{chain}{rest}"


def names_many(url: str) -> bool:
    """Whether an address is, by its looks, of a folder or a glob."""
    first = url.partition(_CHAIN)[0]
    return first.endswith("/") or "*" in first


def _without_pattern(url: str) -> tuple[str, str]:
    """What comes before the first part with a star in it, and the rest; no star, no pattern.

    Of a chain of addresses, such as ``zip://parts::https://host/parts.zip``, the first is meant.
    """
    first, chain, rest = url.partition(_CHAIN)
    scheme, _, path = first.partition("://")
    parts = path.rstrip("/").split("/")
    fixed = next((place for place, part in enumerate(parts) if "*" in part), len(parts))
    return f"{scheme}://{'/'.join(parts[:fixed])}{chain}{rest}", "/".join(parts[fixed:])


def _translated(pattern: str) -> str:
    """A regular expression of a pattern: ``**/`` any folders, ``*`` and ``?`` within a name."""
    signs = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    found = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return "".join(signs.get(piece, re.escape(piece)) for piece in found)
