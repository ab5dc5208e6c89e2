"""A list of places, read as its lines come."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Iterator
from typing import BinaryIO

_CHUNK = 65_536
_BOM = b"\xef\xbb\xbf"


class Lines:
    """The lines of a stream, and whether the next can be had without waiting for it.

    Args:
        stream: from which nothing was read yet.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._handle = _handle_of(stream)
        self._left = b""
        self._ended = False

    def ready(self) -> bool:
        """Whether a line, or the end, is there; always, where nobody can say."""
        if self._handle is None or self._ended:
            return True
        while b"\n" not in self._left:
            if not select.select([self._handle], [], [], 0)[0]:
                return False
            self._read(self._handle)
            if self._ended:
                return True
        return True

    def __iter__(self) -> Iterator[str]:
        """Lines that are not empty, without their ends."""
        for line in self._raw():
            if place := os.fsdecode(line.removeprefix(_BOM)).rstrip("\r\n"):
                yield place

    def _raw(self) -> Iterator[bytes]:
        if self._handle is None:
            yield from self._stream
            return
        while self._left or not self._ended:
            line, end, rest = self._left.partition(b"\n")
            if end or self._ended:
                self._left = rest
                yield line
            else:
                self._read(self._handle)

    def _read(self, handle: int) -> None:
        chunk = os.read(handle, _CHUNK)
        self._ended = not chunk
        self._left += chunk


def _handle_of(stream: BinaryIO) -> int | None:
    """What can be asked whether there is something to read; ``None`` where nothing can be."""
    if os.name == "nt":
        return None
    try:
        return stream.fileno()
    except (AttributeError, io.UnsupportedOperation):
        return None
