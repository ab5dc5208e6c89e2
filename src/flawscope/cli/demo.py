"""``flawscope demo``: the main job, on parts rendered for the purpose."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flawscope.cli import batch, exits
from flawscope.cli.console import VERDICT_STYLES, note, show
from flawscope.cli.pace import paced

if TYPE_CHECKING:
    from flawscope.synth import Part
    from flawscope.values import Inspection

# Samples that a newcomer can follow, picked for it: plain good parts and flaws that show. What the
# model says of them is measured when the demo runs; how good it is stands in docs/benchmarks.md.
PARTS: tuple[tuple[int, str, tuple[str, ...]], ...] = (
    (105, "rolled", ()),
    (101, "rolled", ("scratch",)),
    (117, "rolled", ("pit",)),
    (113, "brushed", ()),
    (100, "brushed", ("stain",)),
    (109, "ground", ()),
    (109, "ground", ("dent",)),
    (101, "turned", ()),
    (109, "turned", ("chip",)),
    (110, "cast", ()),
    (117, "cast", ("crack",)),
    (102, "cast", ()),
)
"""Seed, surface and defects of each sample part."""


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Where parts and report are written.")
    ] = Path("demo-report"),
) -> None:
    """Inspect sample parts with the shipped model: verdicts here, a report in DIR."""
    from flawscope.batch import examined
    from flawscope.bundle import shipped_model
    from flawscope.images import save_image
    from flawscope.runtime import Inspector
    from flawscope.synth import render

    parts: dict[str, Part] = {}
    for number, (seed, surface, defects) in enumerate(PARTS, start=1):
        part = render(seed, surface=surface, defects=defects)
        path = out / "parts" / f"{number:02}-{'-'.join((surface, *defects))}.png"
        save_image(part.image, path)
        parts[path.as_posix()] = part
    note(f"{len(parts)} parts were rendered")

    inspector = Inspector.load(model := shipped_model(), streams=None)
    inspections: list[Inspection] = []
    began = perf_counter()
    with (
        batch.page_for(out, inspector, model) as page,
        paced("inspecting", lambda _stopped: len(parts)) as pace,
    ):
        outcomes = examined(inspector, parts)
        done = batch.go_through(outcomes, pace, page=page, tell=inspections.append)
    batch.sum_up(done, perf_counter() - began, len(parts))
    show(_table(parts, inspections))
    raise typer.Exit(exits.INTERRUPTED if done.interrupted else 0)


def _table(parts: dict[str, Part], inspections: list[Inspection]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "rendered as", "verdict", "score", "why"):
        table.add_column(heading, justify="right" if heading == "score" else "left")
    for inspection in inspections:
        part, verdict = parts[inspection.id], inspection.verdict.value
        truth = ", ".join(sorted({defect.kind for defect in part.defects})) or "good"
        table.add_row(
            Path(inspection.id).stem.partition("-")[0],
            f"{part.surface}, {truth}",
            Text(verdict, VERDICT_STYLES[verdict]),
            f"{inspection.score:.0%}",
            Text("; ".join(inspection.reasons[:2])),
        )
    return table
