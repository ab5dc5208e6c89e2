"""What tells one state of a file from another, without reading it."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int, int]
"""Size in bytes, and times in nanoseconds since 1970: of the last change of the content, which
copying tools set as they like, and of the last change of any sort, which they do not (on Windows,
where that is not kept, of its creation)."""


def stamp_of(path: Path) -> Stamp | None:
    """A file's stamp; ``None`` if there is no such file, or nobody may know."""
    try:
        state = path.stat()
    except (OSError, ValueError):  # no file could be called so
        return None
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns
