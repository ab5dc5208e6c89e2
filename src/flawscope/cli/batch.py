"""A batch of parts on its way through an engine: counted, shown, written to files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from flawscope.cli.console import VERDICT_STYLES, note, show
from flawscope.cli.pace import Pace
from flawscope.errors import FlawscopeError

if TYPE_CHECKING:
    from flawscope.batch import Crew, Outcome
    from flawscope.report import InspectionPage
    from flawscope.runtime import Inspector
    from flawscope.values import Inspection

_MOST_NAMED = 1000
"""Broken files that are kept in mind to be named at the end."""

Tell = Callable[["Inspection"], None]
"""Shows an inspection."""

Keep = Callable[["Outcome"], None]
"""Writes an outcome down."""


@dataclass
class Batch:
    """What has come of a batch so far.

    Attributes:
        verdicts: how many parts got each.
        broken: why files could not be inspected; the first of them.
        failed: how many files could not be inspected.
        interrupted: whether Ctrl-C ended it.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    broken: list[FlawscopeError] = field(default_factory=list)
    failed: int = 0
    interrupted: bool = False

    @property
    def inspected(self) -> int:
        """How many parts got a verdict."""
        return self.verdicts.total()

    def add(self, outcome: Outcome) -> None:
        """Counts an outcome."""
        if outcome.inspection is not None:
            self.verdicts[outcome.inspection.verdict.value] += 1
            return
        self.failed += 1
        if outcome.error is not None and len(self.broken) < _MOST_NAMED:
            self.broken.append(outcome.error)


def page_for(
    out: Path | None, inspector: Inspector | Crew, model: Path, mm_per_pixel: float | None = None
) -> AbstractContextManager[InspectionPage | None]:
    """The page that shows a batch, or none where there is no folder for it.

    Args:
        out: the folder.
        inspector: that inspects.
        model: the file it was loaded from, which has the card.
        mm_per_pixel: for sizes in millimetres.
    """
    if out is None:
        return nullcontext()
    from flawscope.report import InspectionPage

    card = _card(inspector, model)
    return InspectionPage(
        out, inspector.manifest, inspector.digest, card=card, mm_per_pixel=mm_per_pixel
    )


def _card(inspector: Inspector | Crew, model: Path) -> str:
    """The model's card; none if its file is another by now."""
    from flawscope.bundle import CARD, Bundle

    try:
        bundle = Bundle.open(model)
        same = bundle.digest == inspector.digest
        return bundle.read(CARD).decode(errors="replace") if same else ""
    except FlawscopeError:
        return ""


def go_through(
    outcomes: Iterable[Outcome],
    pace: Pace,
    *,
    page: InspectionPage | None,
    tell: Tell,
    keep: Keep | None = None,
) -> Batch:
    """Keeps each outcome, adds it to the page and tells of it, in this order; writes the page.

    Ctrl-C ends the batch early: what was inspected until then is kept, on the page, and told.
    """
    batch = Batch()
    try:
        for outcome in outcomes:
            if keep is not None:
                keep(outcome)
            if page is not None:
                show_on(page, outcome)
            batch.add(outcome)
            if outcome.inspection is not None:
                tell(outcome.inspection)
            pace.step()
    except KeyboardInterrupt:
        batch.interrupted = True
    if page is not None:
        note(f"page: {page.finish()}")
    return batch


def show_on(page: InspectionPage, outcome: Outcome) -> None:
    """Adds an outcome to a page."""
    if outcome.examination is not None:
        page.add(outcome.examination)
    elif outcome.error is not None:
        page.add_failure(outcome.id, outcome.error)


def tell_in_words(inspection: Inspection) -> None:
    """Shows an inspection as one line."""
    verdict = inspection.verdict.value
    line = Text.assemble(
        (f"{verdict:<7}", VERDICT_STYLES[verdict]),
        f" {inspection.score:4.0%}  {_on_one_line(inspection.id)}",
    )
    line.append(f"  {'; '.join(inspection.reasons)}", "dim")
    show(line)


def _on_one_line(name: str) -> str:
    """A name without signs that would break a line, or move the cursor."""
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in name)


def _escaped(sign: str) -> str:
    # Bytes that are no text are shown by stdout in its own way.
    return sign if "\ud800" <= sign <= "\udfff" else sign.encode("unicode_escape").decode()


def introduce(inspector: Inspector | Crew) -> None:
    """Says which model inspects, on what."""
    note(f"model {inspector.manifest.name} ({inspector.digest[:12]}) on {inspector.choice}")
    for text in inspector.notes:
        note(text, "yellow")


def sum_up(batch: Batch, seconds: float, total: int | None) -> None:
    """Says what came of a batch.

    Args:
        batch: that has ended.
        seconds: it took.
        total: how many there were to be, if that is known.
    """
    count_up(batch, seconds)
    seen = batch.inspected + batch.failed
    name_broken(batch.broken, seen, batch.failed)
    if batch.interrupted:
        of_all = "" if total is None else f" of {total}"
        note(f"interrupted after {seen}{of_all} parts", "yellow")


def count_up(batch: Batch, seconds: float) -> None:
    """Says how many parts got each verdict in how many seconds, and how many files none."""
    counts = ", ".join(
        f"{batch.verdicts[verdict]} {verdict}" for verdict in ("accept", "review", "reject")
    )
    rate = f", {batch.inspected / seconds:.1f} a second" if batch.inspected else ""
    note(f"{batch.inspected} inspected: {counts} ({seconds:.1f} s{rate})")


def name_broken(broken: Sequence[FlawscopeError], total: int, failed: int | None = None) -> None:
    """Names files that could not be used, after the count.

    Args:
        broken: why; the first of them, if they are many.
        total: how many files there were.
        failed: how many could not be used; without it, all that are named.
    """
    failed = len(broken) if failed is None else failed
    if failed:
        note(f"{failed} of {total} images could not be used:", "red")
    for error in broken:
        note(f"  {error}")
    if failed > len(broken):
        note(f"  and {failed - len(broken):,} others; --results FILE names them all")
