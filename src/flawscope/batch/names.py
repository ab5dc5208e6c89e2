"""Which files are pictures, by their names."""

from __future__ import annotations

from flawscope.images import IMAGE_SUFFIXES


def is_picture(path: str) -> bool:
    """Whether the name at the end of a POSIX path is that of a picture that is not hidden."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES and not name.startswith(".")
