"""Opening a model file, or refusing it with the reason."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flawscope.bundle.graphs import fault_of
from flawscope.bundle.limits import MANIFEST, refuse_entries
from flawscope.errors import ModelFileError
from flawscope.values import Manifest
from flawscope.values.manifest import FORMAT_VERSION

_DAMAGED = "Copy it again from its source"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model file that has passed every check.

    Attributes:
        path: the file.
        manifest: what it says of itself.
        digest: sha256 of the whole file, in hex.
    """

    path: Path
    manifest: Manifest
    digest: str

    @classmethod
    def open(cls, path: str | Path) -> Bundle:
        """Checks a model file: zip, limits, version, manifest, every member's sha256, graphs.

        Raises:
            ModelFileError: with the reason why it is refused.
        """
        path = Path(path)
        with _archive(path) as archive:
            manifest = _manifest(archive, path)
            listed, present = set(manifest.files), set(archive.namelist()) - {MANIFEST}
            if strangers := present - listed:
                raise _refused(f"the member {min(strangers)!r} is not in its manifest", path)
            graphs = manifest.graphs
            for name in sorted(listed | graphs):
                data = _member(archive, manifest, name, path)
                if name in graphs and (fault := fault_of(data)):
                    raise _refused(f"the member {name!r} {fault}", path)
            digest = digest_of(path)
        return cls(path, manifest, digest)

    def read(self, name: str) -> bytes:
        """One member's bytes, checked again.

        Raises:
            ModelFileError: there is no such member, or the file has changed since it was opened.
        """
        if name not in self.manifest.files:
            raise ModelFileError(f"has no member {name!r}", where=self.path)
        with _archive(self.path) as archive:
            return _member(archive, self.manifest, name, self.path)


def shipped_model() -> Path:
    """The model file that comes with the package.

    Raises:
        ModelFileError: this installation has none.
    """
    path = Path(str(resources.files("flawscope") / "models" / "base.flaw"))
    if not path.is_file():
        raise ModelFileError(
            "the model that ships with flawscope is not here",
            where=path,
            remedy="Run: pip install --force-reinstall flawscope, or name a model with --model",
        )
    return path


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The zip of a file whose entries are within the limits."""
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_entries(archive.infolist(), path)
            yield archive
    except OSError as error:
        raise ModelFileError(
            f"cannot be read ({error.strerror or error})",
            where=path,
            remedy="Check the path of the model file",
        ) from error
    except zipfile.BadZipFile as error:
        raise _refused(_why_no_zip(path), path) from error
    except (zlib.error, EOFError, NotImplementedError, ValueError, RuntimeError) as error:
        raise _refused(f"the file is damaged ({error})", path) from error


def _why_no_zip(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(4)
    if not start:
        return "the file is empty"
    return "the file is damaged or cut short" if start == b"PK\x03\x04" else "not a model file"


def _member(archive: zipfile.ZipFile, manifest: Manifest, name: str, path: Path) -> bytes:
    if name not in archive.namelist() or name not in manifest.files:
        raise _refused(f"the member {name!r} is missing", path)
    with archive.open(name) as stream:
        data = stream.read(manifest.files[name].size + 1)
    if len(data) != manifest.files[name].size:
        raise _refused(f"the member {name!r} is not of the size its manifest states", path)
    if hashlib.sha256(data).hexdigest() != manifest.files[name].sha256:
        raise _refused(f"the member {name!r} does not match its sha256", path)
    return data


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    if MANIFEST not in archive.namelist():
        raise _refused(f"there is no {MANIFEST} in it, so it is not a model file", path)
    try:
        content: Any = json.loads(archive.read(MANIFEST).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _refused(f"its {MANIFEST} is not JSON ({error})", path) from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelFileError(
            f"was written by a newer flawscope (format {version}; this one reads up to"
            f" {FORMAT_VERSION})",
            where=path,
            remedy="Run: pip install --upgrade flawscope",
        )
    if version is None:
        raise _refused(f"its {MANIFEST} states no format_version", path)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise _refused(f"its {MANIFEST} is wrong at {key}: {first['msg']}", path) from error


def digest_of(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _refused(what: str, path: Path) -> ModelFileError:
    return ModelFileError(what, where=path, remedy=_DAMAGED)
