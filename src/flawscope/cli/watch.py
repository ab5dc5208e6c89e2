"""``flawscope watch``: a folder, and a verdict on every part that arrives in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli import batch, exits
from flawscope.cli.console import note, show_json
from flawscope.cli.options import (
    EngineOption,
    MmPerPixelOption,
    ModelOption,
    PrecisionOption,
    ThreadsOption,
    ValueRangeOption,
)
from flawscope.cli.pages import Pages
from flawscope.cli.resuming import begun
from flawscope.errors import FlawscopeError, ResultsError

if TYPE_CHECKING:
    from flawscope.batch import Arrivals, Journal, Outcome, Reloading, Scale

_AT_A_TIME, _BETWEEN_RELOADS = 64, 8
"""Files that are inspected between two looks at the model's file."""


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where photographs arrive.")],
    model: ModelOption = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results",
            metavar="FILE",
            help="Results, one JSON object a line, and what is done; default: NAME.watched.jsonl"
            " in the current folder.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write pages of a thousand parts here."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each part.")
    ] = False,
    reload: Annotated[
        bool,
        typer.Option("--reload", help="Take the model's file anew when it has been replaced."),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End when all that is here and whole is inspected.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            "--settle",
            metavar="SECONDS",
            min=0.05,
            max=86400.0,
            help="A file that has not changed for so long is whole.",
        ),
    ] = 1.0,
    engine: EngineOption = None,
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    mm_per_pixel: MmPerPixelOption = None,
    value_range: ValueRangeOption = None,
) -> None:
    """Inspect every photograph that arrives in a folder, once, across restarts.

    Ends with Ctrl-C or SIGTERM; the same command goes on with what has arrived since.
    """
    from flawscope.batch import Arrivals, Reloading, Scale, looks, require_folder, state_of
    from flawscope.bundle import shipped_model
    from flawscope.runtime import Inspector

    require_folder(folder)
    if results is None:
        results = Path(f"{folder.resolve().name}.watched.jsonl")
    elif results.suffix == ".parquet":
        raise ResultsError(
            "a Parquet file is whole only at the end, and a watch has none",
            where=results,
            remedy="End its name in .jsonl",
        )
    path = model or shipped_model()
    source = Reloading(
        path, lambda path: Inspector.load(path, engine=engine, threads=threads, precision=precision)
    )
    batch.introduce(source.inspector)
    scale = Scale(mm_per_pixel, value_range)
    facts = {"watched": folder.as_posix(), **scale.facts()}
    with (
        begun(results, facts, resume=True, state_of=state_of) as journal,
        Pages(out, path, mm_per_pixel) as pages,
    ):
        arrivals = Arrivals(folder, journal.known, besides=out)
        watching = _Watching(source, arrivals, journal, pages, scale, as_json=as_json)
        at_most = _BETWEEN_RELOADS if reload else _AT_A_TIME
        found = looks(arrivals, every=settle, once=once, at_most=at_most)
        done = watching.go_through(found, reload=reload)
    if done.interrupted:
        raise typer.Exit(exits.INTERRUPTED)
    unsearched = once and arrivals.trouble is not None
    raise typer.Exit(exits.USER_ERROR if done.failed or unsearched else 0)


@dataclass
class _Watching:
    """What goes on between two looks at the folder."""

    source: Reloading
    arrivals: Arrivals
    journal: Journal
    pages: Pages
    scale: Scale
    as_json: bool
    done: batch.Batch = field(default_factory=batch.Batch)
    _trouble: str | None = None

    def go_through(self, found: Iterator[list[str]], *, reload: bool) -> batch.Batch:
        """Inspects what was found, until there are no more looks or Ctrl-C, and sums up."""
        began = perf_counter()
        try:
            for addresses in found:
                self._tell_trouble()
                if reload:
                    self._reload()
                self._inspect(addresses)
        except KeyboardInterrupt:
            self.done.interrupted = True
        self.pages.finish()
        batch.count_up(self.done, perf_counter() - began)
        if self.arrivals.unfinished:
            note(f"{self.arrivals.unfinished} files were not yet whole")
        return self.done

    def _inspect(self, addresses: list[str]) -> None:
        from flawscope.batch import examined, line_of

        inspector = self.source.inspector
        fresh = self.arrivals.fresh(addresses)
        with closing(examined(inspector, fresh, scale=self.scale)) as outcomes:
            for outcome in outcomes:
                file = self.arrivals.done(outcome)
                line = line_of(outcome, mm_per_pixel=self.scale.mm_per_pixel, also=file)
                self.journal.add(line)
                self.pages.add(outcome, inspector)
                self.done.add(outcome)
                self._tell(outcome, line)

    def _tell(self, outcome: Outcome, line: Mapping[str, Any]) -> None:
        if outcome.inspection is None:
            note(f"{outcome.error}", "red")
        elif self.as_json:
            show_json(line)
        else:
            batch.tell_in_words(outcome.inspection)

    def _reload(self) -> None:
        found = self.source.look()
        if isinstance(found, FlawscopeError):
            note(f"the model in use stays, for the new one is refused: {found}", "yellow")
        elif found is not None:
            self.pages.finish()  # a page is of one model
            batch.introduce(found)

    def _tell_trouble(self) -> None:
        trouble = None if self.arrivals.trouble is None else str(self.arrivals.trouble)
        if trouble != self._trouble:
            note(trouble or "the folder can be searched again", "yellow")
            self._trouble = trouble
