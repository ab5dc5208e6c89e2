"""A batch of parts on its way through an inspector: counted, shown, written to a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from flawscope.cli.console import note, progress
from flawscope.errors import FlawscopeError

if TYPE_CHECKING:
    from flawscope.bundle import Bundle
    from flawscope.report import InspectionPage
    from flawscope.runtime import Examination, Failure
    from flawscope.values import Inspection


@dataclass
class Batch:
    """What has come of a batch so far.

    Attributes:
        total: how many files there are.
        verdicts: how many parts got each.
        broken: why each file that could not be inspected could not.
        interrupted: whether Ctrl-C ended it.
    """

    total: int
    verdicts: Counter[str] = field(default_factory=Counter)
    broken: list[FlawscopeError] = field(default_factory=list)
    interrupted: bool = False

    @property
    def inspected(self) -> int:
        """How many parts got a verdict."""
        return self.verdicts.total()


def page_for(
    out: Path | None, bundle: Bundle, mm_per_pixel: float | None = None
) -> AbstractContextManager[InspectionPage | None]:
    """The page that shows a batch, or none where there is no folder for it."""
    if out is None:
        return nullcontext()
    from flawscope.bundle import CARD
    from flawscope.report import InspectionPage

    card = bundle.read(CARD).decode(errors="replace") if CARD in bundle.manifest.files else ""
    return InspectionPage(out, bundle.manifest, bundle.digest, card=card, mm_per_pixel=mm_per_pixel)


def go_through(
    results: Iterable[Examination | Failure],
    total: int,
    page: InspectionPage | None,
    tell: Callable[[Inspection], None],
    *,
    telling_shows: bool = True,
) -> Batch:
    """Tells of each result and adds it to the page, then writes the page and sums up.

    Ctrl-C ends the batch early: what was inspected until then is told and on the page.
    """
    batch = Batch(total)
    start = perf_counter()
    try:
        with progress(beside_results=telling_shows) as bar:
            told = bar.track(results, total=total, description="inspecting")
            _each(told, batch, page, tell)
    except KeyboardInterrupt:
        batch.interrupted = True
    seconds = perf_counter() - start
    if page is not None:
        note(f"page: {page.finish()}")
    _sum_up(batch, seconds)
    return batch


def _each(
    results: Iterable[Examination | Failure],
    batch: Batch,
    page: InspectionPage | None,
    tell: Callable[[Inspection], None],
) -> None:
    from flawscope.runtime import Failure

    for result in results:
        if isinstance(result, Failure):
            batch.broken.append(result.error)
            if page is not None:
                page.add_failure(result.path, result.error)
            continue
        if page is not None:
            page.add(result)
        batch.verdicts[result.inspection.verdict.value] += 1
        tell(result.inspection)


def _sum_up(batch: Batch, seconds: float) -> None:
    counts = ", ".join(
        f"{batch.verdicts[verdict]} {verdict}" for verdict in ("accept", "review", "reject")
    )
    rate = f", {batch.inspected / seconds:.1f} a second" if batch.inspected else ""
    note(f"{batch.inspected} inspected: {counts} ({seconds:.1f} s{rate})")
    name_broken(batch.broken, batch.total)
    if batch.interrupted:
        note(f"interrupted after {batch.inspected} of {batch.total} parts", "yellow")


def name_broken(broken: list[FlawscopeError], total: int) -> None:
    """Names every file that could not be used, after the count."""
    if broken:
        note(f"{len(broken)} of {total} images could not be used:", "red")
    for error in broken:
        note(f"  {error}")
