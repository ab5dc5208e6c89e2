"""The part of a file that has arrived, kept from one run to the next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from flawscope.bundle.limits import MOST_FILE_BYTES
from flawscope.errors import DownloadError
from flawscope.files import write_text

if TYPE_CHECKING:
    from httpx2 import Response

Tell = Callable[[int, int | None], None]
"""Is told the bytes that are here, and of how many if that is known."""

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class Record(BaseModel):
    """What a server said of a file; enough to ask for the rest of it, or whether it has changed.

    Attributes:
        etag: the server's name for this state of the file.
        modified: when it was last changed, as the server writes it.
        size: in bytes, of the whole file.
        sha256: of the whole file, in hex, once it is here.
    """

    model_config = ConfigDict(frozen=True)

    etag: str | None = None
    modified: str | None = None
    size: int | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, response: Response) -> Record:
        """What the headers of an answer say."""
        headers = response.headers
        size = headers.get("content-length")
        if found := _RANGE.fullmatch(headers.get("content-range", "")):
            size = found[2]
        return cls(
            etag=headers.get("etag"),
            modified=headers.get("last-modified"),
            size=int(size) if size and size.isdecimal() else None,
        )

    @classmethod
    def read(cls, path: Path) -> Record | None:
        """A record from its file; ``None`` if there is none that can be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, path: Path) -> None:
        """Writes it whole, as JSON."""
        write_text(path, self.model_dump_json(exclude_none=True) + "\n")

    @property
    def same_bytes(self) -> str | None:
        """What promises equal bytes, for ``If-Range``: an ETag that is not weak, else the date."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def agrees(self, other: Record) -> bool:
        """Whether nothing that both of them know differs."""
        pairs = (
            (self.etag, other.etag),
            (self.modified, other.modified),
            (self.size, other.size),
        )
        return all(None in pair or pair[0] == pair[1] for pair in pairs)


class PieceError(Exception):
    """A piece that does not fit to what is here, or that is not the last one."""


@dataclass(slots=True)
class Partial:
    """A file that is arriving, and beside it what its server said of it.

    Attributes:
        path: the file.
        answered: whether a server has sent any of it in this run.
        spliced: whether a piece was put to others in this run.
    """

    path: Path
    answered: bool = False
    spliced: bool = False

    @property
    def record(self) -> Path:
        """The file that holds its ``Record``."""
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def size(self) -> int:
        """The bytes that are here."""
        return self.path.stat().st_size if self.path.exists() else 0

    def discard(self) -> None:
        """Removes it."""
        self.path.unlink(missing_ok=True)
        self.record.unlink(missing_ok=True)

    def wanted(self) -> dict[str, str]:
        """Headers that ask for the rest, if the file is still the same; none to ask for all.

        At least the last byte is asked for again, so that the server can say that all is well.
        """
        record, start = Record.read(self.record), self.size
        if record is None or record.same_bytes is None:
            return {}
        if record.size is not None:
            start = min(start, record.size - 1)
        return {"Range": f"bytes={start}-", "If-Range": record.same_bytes} if start > 0 else {}

    def take(self, response: Response, where: str, tell: Tell) -> None:
        """Writes what an answer brings, after what is here or in its place.

        Args:
            response: its status is 200 or 206, its body not yet read.
            where: the link, for messages.
            tell: is told how far it is.

        Raises:
            DownloadError: the file is too large, or cannot be written.
            PieceError: the answer does not fit to what is here, or there is more to come.
        """
        said = Record.of(response)
        start = self._start(response, said) if response.status_code == 206 else 0
        self._refuse_size(said.size or 0, where)
        self.answered, self.spliced = True, start > 0
        try:
            with self.path.open("r+b" if start else "wb") as stream:
                stream.truncate(start)
                stream.seek(start)
                if not start:
                    said.write(self.record)
                for piece in response.iter_raw():
                    start += len(piece)
                    self._refuse_size(start, where)
                    stream.write(piece)
                    stream.flush()  # a process that is killed must not lose it
                    tell(start, said.size)
        except OSError as error:
            raise DownloadError(
                f"cannot be written ({error.strerror or error})",
                where=self.path,
                remedy="Make room, or name another folder with FLAWSCOPE_CACHE",
            ) from error
        if said.size is not None and start != said.size:
            raise PieceError("the server sent only a part")

    def _start(self, response: Response, said: Record) -> int:
        """Where a piece belongs, if it is the one that was asked for, and of the same file."""
        asked = response.request.headers.get("range", "")
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        before = Record.read(self.record)
        if found and before and asked == f"bytes={found[1]}-" and before.agrees(said):
            return int(found[1])
        self.discard()
        raise PieceError("the server sent a piece that does not fit")

    def _refuse_size(self, size: int, where: str) -> None:
        if size > MOST_FILE_BYTES:
            self.discard()
            raise DownloadError(
                f"over the limit of {MOST_FILE_BYTES:,} bytes for a model file",
                where=where,
                remedy="Check that the link leads to a model file",
            )
