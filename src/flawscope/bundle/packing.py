"""Writing a model file."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from flawscope.bundle.limits import MANIFEST, refuse_name
from flawscope.errors import ModelFileError
from flawscope.files import written_whole
from flawscope.values import FileEntry, Manifest
from flawscope.values.manifest import FORMAT_VERSION

CARD = "card.md"
"""The member that describes the model to people."""

PICTURE = "validation.png"
"""The member that shows how it did on validation images."""

_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can say: equal models, equal bytes
_REGULAR_FILE = 0o100644 << 16


def refuse_replacing(out: Path) -> None:
    """Refuses to write a model over what is none, which a wrong name may have meant.

    Raises:
        ModelFileError: something else is there.
    """
    if not out.exists():
        return
    try:
        with zipfile.ZipFile(out) as archive:
            archive.getinfo(MANIFEST)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RuntimeError) as error:
        raise ModelFileError(
            "is there already, and is no model file",
            where=out,
            remedy="Name another file, or remove it first",
        ) from error


def pack(manifest: Manifest, members: Mapping[str, bytes | Path], out: Path) -> Path:
    """Writes a model file, whole or not at all; the same content always gives the same bytes.

    Args:
        manifest: its ``files`` are filled in here; the format is always the newest.
        members: every other member by name: ONNX graphs, ``CARD``, ``PICTURE``.
        out: the file to write.

    Returns:
        ``out``.

    Raises:
        ModelFileError: a name is not allowed, or a stage's graph is not among the members.
    """
    contents = {
        name: data if isinstance(data, bytes) else data.read_bytes()
        for name, data in sorted(members.items())
    }
    for name in contents:
        refuse_name(name, out)
    if missing := manifest.graphs - contents.keys():
        raise ModelFileError(f"the graph {min(missing)!r} is not among the members", where=out)
    files = {
        name: FileEntry(size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for name, data in contents.items()
    }
    written = manifest.model_copy(update={"files": files, "format_version": FORMAT_VERSION})
    text = written.model_dump_json(indent=2)
    with written_whole(out) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name, data in {MANIFEST: text.encode(), **contents}.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.external_attr = _REGULAR_FILE
            entry.create_system = 3
            stored = name.endswith(".png")
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=9)
    return out
