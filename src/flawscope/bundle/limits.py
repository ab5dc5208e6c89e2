"""What a model file may hold: names, kinds of entry, counts and sizes."""

from __future__ import annotations

import re
import stat
import zipfile
from pathlib import Path

from flawscope.errors import ModelFileError

MANIFEST = "manifest.json"

MOST_MEMBERS = 64
MOST_BYTES = 1 << 30
"""Of all members together, unpacked."""
MOST_FILE_BYTES = MOST_BYTES + (1 << 20)
"""Of the file itself: members packed in the longest way, and the tables of the zip."""
MOST_MANIFEST_BYTES = 8 << 20
MOST_RATIO = 200
"""Unpacked to packed size of one member; small members may be anything."""
_SMALL = 1 << 20

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_WAYS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1


def refuse_name(name: str, where: Path) -> None:
    """Raises ModelFileError unless the name is a plain file name."""
    if "/" in name or "\\" in name or ":" in name or name.startswith("."):
        raise ModelFileError(
            f"the member {name!r} is no plain name: it could name a place outside the model file",
            where=where,
            remedy="Do not use this file; ask for it from a source you trust",
        )
    if not _NAME.fullmatch(name):
        raise ModelFileError(
            f"the member name {name!r} is not allowed",
            where=where,
            remedy="Use letters, digits, dots, hyphens and underscores, at most 100",
        )


def refuse_entries(entries: list[zipfile.ZipInfo], where: Path) -> None:
    """Raises ModelFileError if what a zip announces breaks a limit, before anything is unpacked."""
    if len(entries) > MOST_MEMBERS:
        raise _refused(f"{len(entries)} members are over the limit of {MOST_MEMBERS}", where)
    seen = set()
    for entry in entries:
        refuse_name(entry.orig_filename, where)
        if entry.orig_filename.lower() in seen:
            raise _refused(f"the member {entry.orig_filename!r} is there twice", where)
        seen.add(entry.orig_filename.lower())
        _refuse_entry(entry, where)
    total = sum(entry.file_size for entry in entries)
    if total > MOST_BYTES:
        raise _refused(f"{total:,} bytes unpacked are over the limit of {MOST_BYTES:,}", where)


def _refuse_entry(entry: zipfile.ZipInfo, where: Path) -> None:
    name, mode = entry.orig_filename, entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise _refused(f"the member {name!r} is a link or another special file", where)
    if entry.flag_bits & _ENCRYPTED or entry.compress_type not in _WAYS:
        raise _refused(f"the member {name!r} is encrypted or packed in an unknown way", where)
    if name == MANIFEST and entry.file_size > MOST_MANIFEST_BYTES:
        raise _refused(
            f"a manifest of {entry.file_size:,} bytes is over the limit of {MOST_MANIFEST_BYTES:,}",
            where,
        )
    ratio = entry.file_size / max(1, entry.compress_size)
    if entry.file_size > _SMALL and ratio > MOST_RATIO:
        raise _refused(
            f"the member {name!r} unpacks to {ratio:.0f} times its size (limit {MOST_RATIO})", where
        )


def _refused(what: str, where: Path) -> ModelFileError:
    return ModelFileError(
        what, where=where, remedy="Do not use this file; ask for it from a source you trust"
    )
