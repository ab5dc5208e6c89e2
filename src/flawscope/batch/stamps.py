"""What tells one state of a file from another, without reading it."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds since 1970."""


def stamp_of(path: Path) -> Stamp | None:
    """A file's stamp; ``None`` if there is no such file, or nobody may know."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns
