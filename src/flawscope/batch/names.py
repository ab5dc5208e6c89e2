"""Which files are pictures, by their names."""

from __future__ import annotations

from flawscope.images import IMAGE_SUFFIXES

_UNFINISHED = (".crdownload", ".filepart", ".part", ".partial", ".temp", ".tmp", ".uploading", "~")
"""Ends that come before the suffix of a picture; after it, they make it a file of another sort."""


def is_picture(path: str) -> bool:
    """Whether the name at the end of a POSIX path is that of a picture that is not hidden."""
    name = path.rpartition("/")[2]
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES and not name.startswith(".")


def is_unfinished(path: str) -> bool:
    """Whether the name at the end of a POSIX path is one that writers give to what they write."""
    name = path.rpartition("/")[2].lower()
    stem = name[: name.rfind(".")]
    return name.startswith("~") or stem.endswith(_UNFINISHED)
