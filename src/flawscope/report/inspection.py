"""The page of a batch of inspections, written part by part in memory that stays flat."""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import quote

from markupsafe import Markup

from flawscope.errors import FlawscopeError, ResultsError
from flawscope.files import blaming, take_turn
from flawscope.images import save_image
from flawscope.report.facts import every_fact, main_facts
from flawscope.report.markdown import html
from flawscope.report.overlay import overlay
from flawscope.report.pages import asset, environment, said, write_page
from flawscope.report.palette import kind_colours
from flawscope.report.parts import PartView, full_picture, part_view
from flawscope.report.wording import count, duration, significant
from flawscope.runtime import Examination
from flawscope.values import Manifest, Verdict

MOST_PICTURES = 500
"""Full pictures that a page holds, rejected and reviewed parts first; of others, thumbnails."""

_WORST_FIRST = (Verdict.REJECT, Verdict.REVIEW, Verdict.ACCEPT)
_GLYPHS = {Verdict.REJECT: "✕", Verdict.REVIEW: "?", Verdict.ACCEPT: "✓"}


class _Spool:
    """Pieces of a page that wait on disk until what stands above them is known."""

    def __init__(self, folder: Path, closing: ExitStack) -> None:
        self._folder = folder
        self._file = closing.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
        self._lengths: list[int] = []

    def __len__(self) -> int:
        return len(self._lengths)

    def add(self, piece: str) -> None:
        with blaming(self._folder):
            self._lengths.append(self._file.write(piece.encode("utf-8", "replace")))

    def pieces(self, most: int | None = None) -> Iterator[Markup]:
        """The first pieces, as they were added."""
        self._file.seek(0)
        for length in self._lengths[:most]:
            yield Markup(self._file.read(length).decode("utf-8"))  # noqa: S704 - was rendered


class _Totals:
    """What the head and foot of a page say of all its parts."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()
        self.runs: Counter[str] = Counter()

    def add(self, view: PartView) -> None:
        self.kinds.update(view.shown)
        self.seconds.update(view.inspection.seconds)
        self.runs.update(view.inspection.seconds.keys())

    def rate(self, parts: int) -> str | None:
        """Parts a second, by the time that inspecting alone took."""
        total = sum(self.seconds.values())
        return significant(parts / total) if total else None

    def stages(self) -> list[dict[str, str | int]]:
        """By stage, how many parts needed it and how long it took on average."""
        return [
            {"name": stage, "parts": self.runs[stage], "mean": duration(total / self.runs[stage])}
            for stage, total in self.seconds.items()
        ]


@contextmanager
def _turn(out: Path) -> Iterator[None]:
    """Only one page at a time is written to a folder."""
    path = out / ".page.lock"
    try:
        lock = take_turn(path)
    except BlockingIOError as error:
        raise ResultsError(
            "another flawscope is writing a page to it",
            where=out,
            remedy="Wait until it ends, or name another folder",
        ) from error
    try:
        yield
    finally:
        if os.name == "posix":  # while nobody else can have it
            path.unlink(missing_ok=True)
        lock.release()
        if os.name != "posix":
            path.unlink(missing_ok=True)


class InspectionPage:
    """Writes ``index.html`` and a folder ``pictures`` for a batch of inspections.

    Add parts and failures in any number, then finish; as a context manager it also clears up
    after an error. The page exists, whole, only once it is finished.

    Args:
        out: folder to write to; made where it is missing.
        manifest: of the model that inspects.
        digest: sha256 of the model's file.
        card: the model's card, in Markdown.
        mm_per_pixel: for sizes in millimetres.
        most_pictures: full pictures that the page may hold.

    Raises:
        ResultsError: another process writes a page there.
    """

    def __init__(
        self,
        out: Path,
        manifest: Manifest,
        digest: str,
        *,
        card: str = "",
        mm_per_pixel: float | None = None,
        most_pictures: int = MOST_PICTURES,
    ) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self._out = out
        self._manifest = manifest
        self._digest = digest
        self._card = card
        self._mm_per_pixel = mm_per_pixel
        self._most_pictures = most_pictures
        self._closing = ExitStack()
        self._closing.enter_context(_turn(out))
        self._cards = {verdict: _Spool(out, self._closing) for verdict in _WORST_FIRST}
        self._pictures = {verdict: _Spool(out, self._closing) for verdict in _WORST_FIRST}
        self._failures: list[tuple[str, str]] = []
        self._colours = kind_colours(manifest.kinds)
        self._totals = _Totals()
        self._names: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # on a full disk what waits cannot be written, nor need it be
            self._closing.close()

    @property
    def parts(self) -> int:
        """How many parts were added."""
        return sum(len(spool) for spool in self._cards.values())

    def add(self, examination: Examination) -> Path:
        """Adds a part: its picture in ``pictures`` and its card on the page.

        Returns:
            the picture's path.
        """
        inspection = examination.inspection
        number = self.parts + 1
        picture = self._out / "pictures" / self._new_name(inspection.id)
        save_image(overlay(examination.image, inspection), picture, quality=88)
        policy = self._manifest.policy
        view = part_view(number, examination, policy, self._colours, self._mm_per_pixel)
        self._totals.add(view)
        self._cards[inspection.verdict].add(self._card_of(view, picture.name))
        pictures = self._pictures[inspection.verdict]
        if len(pictures) < self._most_pictures:
            pictures.add(full_picture(number, examination))
        return picture

    def add_failure(self, path: str | Path, reason: FlawscopeError | str) -> None:
        """Adds a file that could not be read, and why."""
        self._failures.append((str(path), reason if isinstance(reason, str) else said(reason)))

    def finish(self) -> Path:
        """Writes the page and gives its path."""
        context = self._summary() | self._contents()
        written = write_page(self._out / "index.html", "inspection.html", context, "inspection.js")
        self._close()
        return written

    def _card_of(self, view: PartView, picture: str) -> str:
        places = {kind: place for place, kind in enumerate(self._colours)}
        folder, _, file = view.inspection.id.rpartition("/")
        return (
            environment()
            .get_template("part.html")
            .render(
                part=view,
                glyph=_GLYPHS[view.inspection.verdict],
                policy=self._manifest.policy,
                folder=folder,
                file=file,
                link=f"pictures/{quote(picture)}",
                shown=[places[kind] for kind in view.shown],
            )
        )

    def _summary(self) -> dict[str, Any]:
        totals = self._totals
        return {
            "parts": count(self.parts, "part"),
            "total": self.parts,
            "rate": totals.rate(self.parts),
            "stages": totals.stages(),
            "failures": self._failures,
            "unread": count(len(self._failures), "file"),
            "verdicts": [
                {"name": verdict.value, "glyph": _GLYPHS[verdict], "count": len(cards)}
                for verdict, cards in self._cards.items()
            ],
            "kinds": [
                {"index": place, "name": kind, "count": totals.kinds[kind]}
                for place, kind in enumerate(self._colours)
                if totals.kinds[kind]
            ],
            "model": {
                "name": self._manifest.name,
                "facts": main_facts(self._manifest, self._digest),
                "details": every_fact(self._manifest),
                "card": html(self._card),
            },
        }

    def _contents(self) -> dict[str, Any]:
        held: dict[Verdict, int] = {}
        for verdict, pictures in self._pictures.items():
            held[verdict] = min(len(pictures), self._most_pictures - sum(held.values()))
        left_out = self.parts - sum(held.values())
        return {
            "own_style": asset("inspection.css"),
            "cards": chain.from_iterable(cards.pieces() for cards in self._cards.values()),
            "pictures": chain.from_iterable(
                self._pictures[verdict].pieces(most) for verdict, most in held.items()
            ),
            "pictures_held": count(sum(held.values()), "part"),
            "pictures_left_out": f"{left_out:,}" if left_out else "",
        }

    def _new_name(self, id: str) -> str:  # noqa: A002 - the field's name everywhere
        """A file name that no other part has, on any system, and that no photograph has."""
        stem = re.sub(r"[^\w.-]", "_", PurePosixPath(id.replace("\\", "/")).stem)[:60] or "part"
        name = stem
        while name.casefold() in self._names:
            self._names[stem.casefold()] += 1
            name = f"{stem}-{self._names[stem.casefold()]}"
        self._names[name.casefold()] = 1
        return f"{name}-inspected.jpg"
