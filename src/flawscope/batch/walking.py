"""Files under folders and globs, in order of name, however many a folder holds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from fnmatch import translate
from glob import has_magic
from pathlib import Path

from flawscope.batch.known import in_order
from flawscope.batch.names import is_picture
from flawscope.batch.outcomes import Item, Outcome
from flawscope.errors import ImageError

_ANY_DEPTH = "**"


def pictures_under(folder: str) -> Iterator[Item]:
    """Pictures in a folder, in order of name, then those of the folders in it.

    Hidden files and folders are left out, and links to folders are not followed. A folder that
    cannot be searched is an outcome among them.

    Args:
        folder: POSIX path; what is found begins with it.
    """
    try:
        # A folder of a million names is neither listed in memory nor left without an order.
        for name in in_order(_names(folder, folders=False)):
            yield _joined(folder, os.fsdecode(name))
        for name in in_order(_names(folder, folders=True)):
            yield from pictures_under(_joined(folder, os.fsdecode(name)))
    except OSError as error:
        yield Outcome(folder, error=_unsearchable(folder, error))


def matching(pattern: str) -> Iterator[Item]:
    """Files and folders that match a glob, in order; ``**`` stands for any folders, or none.

    Args:
        pattern: POSIX path with ``*``, ``?`` or ``[...]`` in it. They match no name that begins
            with a dot unless the pattern does.
    """
    parts = Path(pattern).parts
    fixed = next(place for place, part in enumerate(parts) if has_magic(part))
    return _matching(Path(*parts[:fixed]).as_posix(), parts[fixed:])


def _matching(found: str, parts: Sequence[str]) -> Iterator[Item]:
    """What matches the parts of a pattern that are left, under a path that matches the others."""
    if not parts:
        yield found
        return
    part, rest = parts[0], parts[1:]
    try:
        if part == _ANY_DEPTH:
            yield from _matching(found, rest)
            # Whoever searches a folder that was found searches those in it.
            names = in_order(_names(found, folders=True)) if rest else iter(())
            rest = parts
        elif has_magic(part):
            names = in_order(_fitting(found, part))
        else:
            names = iter([os.fsencode(part)] if Path(found, part).exists() else [])
        for name in names:
            yield from _matching(_joined(found, os.fsdecode(name)), rest)
    except (FileNotFoundError, NotADirectoryError):
        return  # nothing matches
    except OSError as error:
        yield Outcome(found, error=_unsearchable(found, error))


def _fitting(folder: str, part: str) -> Iterator[bytes]:
    fits = re.compile(translate(part)).match
    with os.scandir(folder) as entries:
        for entry in entries:
            if fits(entry.name) and (part.startswith(".") or not entry.name.startswith(".")):
                yield os.fsencode(entry.name)


def _names(folder: str, *, folders: bool) -> Iterator[bytes]:
    """Names of the pictures, or of the folders, in a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if _is_folder(entry):
                if folders and not entry.is_symlink() and not entry.name.startswith("."):
                    yield os.fsencode(entry.name)
            elif not folders and is_picture(entry.name) and (entry.is_symlink() or entry.is_file()):
                yield os.fsencode(entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads nowhere: the picture that it is said to be cannot be read
        return False


def _joined(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder.rstrip('/')}/{name}"


def _unsearchable(folder: str, error: OSError) -> ImageError:
    return ImageError(
        f"cannot be searched ({error.strerror or error})",
        where=folder,
        remedy="Check what this user may read there",
    )
