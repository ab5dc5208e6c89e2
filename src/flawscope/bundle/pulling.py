"""Models shared by link: fetched once, checked, and kept."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from flawscope.bundle.cache import cache_folder
from flawscope.bundle.downloading import Patience, Say, UnreachableError, download
from flawscope.bundle.links import Link, read_link
from flawscope.bundle.opening import Bundle, digest_of
from flawscope.bundle.partials import Partial, Record, Tell
from flawscope.errors import ModelFileError
from flawscope.files import written_whole


class How(StrEnum):
    """How a model came to be here."""

    DOWNLOADED = "downloaded"
    UNCHANGED = "unchanged"
    """It was here, and the server says that it has no other."""
    CACHED = "cached"
    """It was here, with the digest that was asked for; nobody was asked."""
    OFFLINE = "offline"
    """It was here, and the server could not be asked."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A model file that was pulled, and that has passed every check.

    Attributes:
        path: of the file.
        url: that it is from.
        digest: sha256 of the whole file, in hex.
        size: in bytes.
        how: it came to be here.
    """

    path: Path
    url: str
    digest: str
    size: int
    how: How


def pull(
    link: str,
    *,
    digest: str | None = None,
    out: Path | None = None,
    patience: Patience | None = None,
    tell: Tell = lambda _done, _total: None,
    say: Say = lambda _text: None,
) -> Pulled:
    """Fetches a model file from a link into the cache, unless it is there already.

    What has arrived when the connection breaks, or Ctrl-C is pressed, stays for the next call.

    Args:
        link: ``https://…/model.flaw``, ``hf://owner/repo/path/model.flaw[@revision]``, or a page of
            the Hugging Face Hub about a file; with ``#sha256=HEX`` where the digest is known.
        digest: sha256 that the file must have, in hex. A file with it is never asked for again.
        out: a copy is written there, whole or not at all.
        patience: how long to bear with the server.
        tell: is told the bytes that are here, and of how many if that is known.
        say: is told in words what the user should know meanwhile.

    Returns:
        The file in the cache, or ``out``.

    Raises:
        DownloadError: the link is none, the server refuses, or the connection broke too often.
        ModelFileError: what came is not a model file, or has another digest; it is removed.
    """
    to = read_link(link, digest)
    folder = cache_folder() / "models"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / f"{to.stem}.lock", say):
        pulled = _Pull(to, folder, patience or Patience(), tell, say).run()
        if out is not None:
            with written_whole(out) as beside:
                shutil.copyfile(pulled.path, beside)
            pulled = replace(pulled, path=out)
    return pulled


@contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    """Keeps other pulls of the same link waiting, in whatever process."""
    from filelock import FileLock, Timeout

    holder = FileLock(lock)
    try:
        holder.acquire(timeout=0)
    except Timeout:
        say("another pull of this link is under way; waiting for it")
        holder.acquire()
    try:
        yield
    finally:
        holder.release()


@dataclass(frozen=True, slots=True)
class _Pull:
    """One pull of one link into one folder, alone with its files there."""

    link: Link
    folder: Path
    patience: Patience
    tell: Tell
    say: Say

    @property
    def path(self) -> Path:
        return self.folder / f"{self.link.stem}.flaw"

    @property
    def record(self) -> Path:
        return self.folder / f"{self.link.stem}.flaw.json"

    def run(self) -> Pulled:
        copy = self._copy()
        if copy and copy.sha256 == self.link.digest:
            return self._pulled(copy, How.CACHED)
        partial = Partial(self.folder / f"{self.link.stem}.partial")
        try:
            new = download(self.link, partial, copy, self.patience, self.tell, self.say)
        except UnreachableError as error:
            if copy is None or self.link.digest or partial.answered:
                raise
            day = time.strftime("%Y-%m-%d", time.localtime(self.path.stat().st_mtime))
            self.say(f"{error.what}; using the copy of {day}, which may be out of date")
            return self._pulled(copy, How.OFFLINE)
        if copy and not new:
            partial.discard()
            self._refuse_digest(copy.sha256)
            return self._pulled(copy, How.UNCHANGED)
        return self._pulled(self._arrived(partial), How.DOWNLOADED)

    def _copy(self) -> Record | None:
        """Of the whole file that is here from an earlier pull, if nothing has happened to it."""
        record = Record.read(self.record)
        try:
            return record if record and Bundle.open(self.path).digest == record.sha256 else None
        except ModelFileError:
            return None

    def _arrived(self, partial: Partial) -> Record:
        """Checks what has arrived and moves it into its place."""
        try:
            return self._moved(partial)
        except ModelFileError as error:
            if not partial.spliced:
                raise
            self.say(f"the pieces do not fit together ({error.what}); fetching it anew")
        download(self.link, partial, None, self.patience, self.tell, self.say)
        return self._moved(partial)

    def _moved(self, partial: Partial) -> Record:
        try:
            self._refuse_digest(digest_of(partial.path) if self.link.digest else None)
            digest = Bundle.open(partial.path).digest
        except ModelFileError as error:
            partial.discard()
            raise ModelFileError(error.what, where=self.link.shown, remedy=error.remedy) from error
        said = Record.read(partial.record) or Record()
        record = said.model_copy(update={"sha256": digest, "size": partial.size})
        record.write(self.record)
        partial.path.replace(self.path)
        partial.discard()
        return record

    def _refuse_digest(self, digest: str | None) -> None:
        if self.link.digest and digest != self.link.digest:
            raise ModelFileError(
                f"the file has sha256 {digest}, not {self.link.digest}",
                where=self.link.shown,
                remedy="Ask its author for the digest; do not use a file with another one",
            )

    def _pulled(self, record: Record, how: How) -> Pulled:
        size = self.path.stat().st_size
        return Pulled(self.path, self.link.url, record.sha256 or "", size, how)
