"""Whole files or none: written beside, then renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

_MOST_BYTES = 150
"""Of a name, in the name of a temporary file."""


@contextmanager
def written_whole(path: Path, *, lasting: bool = False) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; renamed over it only if the body succeeds.

    Folders on the way are made. An error or Ctrl-C in the body leaves ``path`` as it was and
    removes the temporary file. What is ``lasting`` is on the disk, name and all, before this
    ends, so that even a power cut takes neither it nor what it replaced.
    """
    with blaming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = _prefix(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=path.suffix)
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            beside.chmod(0o666 & ~_umask())
            if lasting:
                _settle(beside)
            beside.replace(path)
            if lasting:
                with suppress(OSError):  # Windows opens no folders, some shares settle none
                    _settle(path.parent)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise


def take_turn(path: Path) -> FileLock:
    """A lock file, taken for this process, whichever of its threads lets go of it.

    Raises:
        BlockingIOError: another process has it.
        PermissionError: it cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        if path.exists():
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN), str(path)) from error
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path)) from error
    return lock


def remove_partials(path: Path) -> None:
    """Removes what was left when a process that wrote ``path`` was killed; none may be writing."""
    for partial in path.parent.glob(f"{escape(_prefix(path))}????????{escape(path.suffix)}"):
        partial.unlink(missing_ok=True)


def _prefix(path: Path) -> str:
    """Of temporary names beside a path; names may have 255 bytes."""
    stem = path.stem.encode("utf-8", "surrogateescape")[:_MOST_BYTES]
    return f".partial-{stem.decode('utf-8', 'ignore')}."


def require_writable(path: Path) -> None:
    """Raises OSError where ``written_whole`` could not write now; folders on the way are made."""
    with blaming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent, prefix=".partial-"):
            pass


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A temporary folder beside ``path`` to fill; renamed to it only if the body succeeds.

    ``path`` must not exist, or be an empty folder. An error or Ctrl-C in the body leaves it as it
    was and removes the temporary folder.
    """
    with blaming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=".partial-"))
        try:
            yield beside
            beside.chmod(0o777 & ~_umask())
            if path.exists():
                path.rmdir()
            beside.rename(path)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Errors of writing that name no file, or one that nobody asked for, name ``path``."""
    try:
        yield
    except OSError as error:
        named = f"{error.filename} {error.filename2}"
        unasked = error.filename is None or ".partial-" in named
        if error.errno is None or not unasked:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _settle(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str, *, lasting: bool = False) -> None:
    """Writes UTF-8 text with ``\\n`` line ends, whole or not at all; as ``written_whole``."""
    with written_whole(path, lasting=lasting) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, data: bytes) -> None:
    """Writes bytes, whole or not at all."""
    with written_whole(path) as beside:
        beside.write_bytes(data)
