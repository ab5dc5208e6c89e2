"""``flawscope bench``: how fast a model is, end to end, alone or beside another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flawscope.cli import exits
from flawscope.cli.batch import name_broken
from flawscope.cli.console import note, ran_on, sharing, show, show_facts, show_json
from flawscope.cli.options import (
    EngineOption,
    ModelOption,
    PrecisionOption,
    StreamsOption,
    ThreadsOption,
)
from flawscope.cli.sizes import SizeOption, size_of
from flawscope.errors import MissingExtraError

if TYPE_CHECKING:
    from flawscope.bench import Comparison, Row, Side
    from flawscope.bench.comparison import SideFigures

FOUNDING = "founding"


def bench(
    model: ModelOption = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="MODEL|founding",
            help="Run this in turn: another .flaw file, or the founding cascade in eager PyTorch.",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images", metavar="DIR", help="Take these pictures as they come; default: rendered."
        ),
    ] = None,
    size: SizeOption = None,
    seconds: Annotated[
        float | None,
        typer.Option("--seconds", metavar="N", max=86400.0, help="To measure for; default: 45."),
    ] = None,
    engine: EngineOption = None,
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    streams: StreamsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Time a model from files to inspections: images a second, latency, memory, and by stage.

    Without --images, parts are rendered and mixed: 2, 5, 20 and 100 % of them defective.
    """
    from flawscope.bench import DEFAULT_SECONDS, DEFAULT_SIZE, Setup, compare
    from flawscope.bundle import shipped_model

    if images is not None and size is not None:
        raise typer.BadParameter("--size is of rendered parts; pictures of --images have their own")
    with sharing("getting ready") as told:
        other = _founding(threads) if against == FOUNDING else against and Path(against)
        found = compare(
            model or shipped_model(),
            other or None,
            images=images,
            size=DEFAULT_SIZE if size is None else size_of(size),
            seconds=DEFAULT_SECONDS if seconds is None else seconds,
            setup=Setup(engine, precision, threads, streams),
            told=told,
        )
    if as_json:
        show_json(found.record())
    else:
        _show(found)
    name_broken(list(found.broken), found.looked_at)
    raise typer.Exit(exits.USER_ERROR if found.broken else 0)


def _founding(threads: int | None) -> Side:
    """The founding cascade, where the packages it needs are installed."""
    from flawscope.runtime.engines import fitting_threads

    threads = fitting_threads(threads)
    try:
        from flawscope.train.eager import EagerFounding
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "flawscope":
            raise
        raise MissingExtraError("the founding cascade", "train") from error
    return EagerFounding.build(threads)


def _show(found: Comparison) -> None:
    show(_table(found))
    show("")
    show_facts([*_pictures(found), *_side(found.model), *_side(found.against), *_memory(found)])
    if found.against is not None:
        note(
            f"ratios are medians of {found.rounds} rounds in turn, and in brackets their 5th to"
            " 95th percentile"
        )
    if found.against is not None and "digest" not in found.against.facts:
        note(
            "founding has random weights, so the picture decides: a good one ends after its screen,"
            " a defective one is taken to show one kind"
        )


def _table(found: Comparison) -> Table:
    other = found.against
    table = Table(box=None, pad_edge=False)
    headings = ["defective", "images a second"]
    if other is not None:
        headings += [str(other.facts["name"]), "times as fast"]
    for heading in headings:
        table.add_column(heading, justify="right")
    for name, row in found.rows.items():
        table.add_row(*_cells(found, name, row))
    return table


def _cells(found: Comparison, name: str, row: Row) -> list[str]:
    share = found.defective / (found.good + found.defective)
    cells = [f"{float(name) if name[0].isdigit() else share:.0%}", f"{row.images_per_second:.2f}"]
    if row.ratio is not None:
        cells += [
            f"{row.against_images_per_second:.2f}",
            f"{row.ratio:.1f} ({row.ratio_low:.1f} to {row.ratio_high:.1f})",
        ]
    return cells


def _pictures(found: Comparison) -> list[tuple[str, str]]:
    good, defective = found.good, found.defective
    if found.folder is not None:
        return [("pictures", f"{good} accepted and {defective} not, of {found.folder}")]
    height, width = found.size
    kinds = f"{good} that are accepted, {defective} in which defects are located"
    return [("pictures", f"rendered parts of {height} x {width}, JPEG: {kinds}")]


def _side(side: SideFigures | None) -> list[tuple[str, str]]:
    if side is None:
        return []
    facts = side.facts
    how = f"{ran_on(facts)}; " if "engine" in facts else ""
    lines = "lines of parts were run" if side.runs_lines else "lines are composed of shorter ones"
    latency = ", ".join(f"{name} {value:.1f}" for name, value in side.latency_ms.items())
    return [
        (str(facts["name"]), f"{how}{lines}"),
        ("  one part, ms", latency),
        *(
            (f"  {sort}, ms", ", ".join(f"{stage} {spent:.1f}" for stage, spent in stages.items()))
            for sort, stages in side.stages_ms.items()
            if stages
        ),
    ]


def _memory(found: Comparison) -> list[tuple[str, str]]:
    peak = found.peak_rss_mb
    said = "unknown here" if peak is None else f"{peak:.0f} MB in a process of its own"
    return [("peak memory", said)]
