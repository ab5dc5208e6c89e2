"""What an engine made of a graph, kept in a folder for the next process."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from flawscope.files import write_bytes

_MOST = 16
"""A graph with its weights is some 10 MB."""

_SUFFIX = ".compiled"
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class Shelf:
    """Bytes by name, of which the last used are kept; a folder that fails keeps nothing.

    Each file begins with the digest of the rest, so a damaged one is none.

    Attributes:
        folder: made when it is needed.
    """

    folder: Path

    def holds(self, prefix: str) -> bool:
        """Whether anything by a name that begins so is kept."""
        try:
            return any(self.folder.glob(f"{prefix}*{_SUFFIX}"))
        except OSError:
            return False

    def take(self, name: str) -> bytes | None:
        """What is kept by a name, whole."""
        path = self._path(name)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, kept = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(kept).digest() != digest:
            return None
        with suppress(OSError):
            os.utime(path)
        return kept

    def put(self, name: str, content: bytes) -> None:
        """Keeps bytes by a name, and no more than the last few of all."""
        with suppress(OSError):
            write_bytes(self._path(name), hashlib.sha256(content).digest() + content)
            for path in self._last_used_first()[_MOST:]:
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def _last_used_first(self) -> list[Path]:
        used = []
        for path in self.folder.glob(f"*{_SUFFIX}"):
            with suppress(FileNotFoundError):  # by another process
                used.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(used, reverse=True)]
