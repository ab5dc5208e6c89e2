"""The page of a training run: losses, learning rate and validation scores as they grow."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flawscope.report.charts import SERIES_COLOURS, Axis, Chart, Series, span
from flawscope.report.pages import asset, write_page
from flawscope.report.wording import duration, short, significant

Row = Mapping[str, float | None]
"""Figures logged at one step; a row need not hold every figure."""

_CLOCKS = ("step", "epoch", "minutes")
_MOST_POINTS = 1000
"""Points drawn of one series, evenly thinned: more than a page has pixels for."""

_GROUPS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("Losses", lambda name: name.startswith("loss")),
    ("Learning rate", lambda name: name in ("learning_rate", "lr")),
    ("Validation scores", lambda _: True),
)
"""Charts, each with the figures it takes; a figure goes to the first that wants it."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure's course in numbers."""

    name: str
    latest: str
    lowest: str
    highest: str


def write_curves(
    rows: Sequence[Row], out: Path, *, title: str = "Training run", running: bool = False
) -> Path:
    """Writes the page of a training run, whole or not at all.

    Args:
        rows: what was logged, oldest first. ``step``, ``epoch`` or ``minutes`` say when; names
            that start with ``loss`` are losses, ``learning_rate`` is that, the rest are scores on
            validation data. Values that are not finite break their line.
        out: the file to write.
        title: of the page.
        running: the run goes on, so the page loads itself again every few seconds.

    Returns:
        ``out``.
    """
    clock = next((name for name in _CLOCKS if any(name in row for row in rows)), "row")
    charts = []
    for group, wants in _GROUPS:
        names = [name for name in _names(rows) if _group(name) == group and wants(name)]
        if names:
            series = [_series(rows, name, clock, place) for place, name in enumerate(names)]
            charts.append((group, _chart(group, series, clock), _figures(series)))
    last: dict[str, float | None] = {}
    for row in rows:
        last.update({name: row[name] for name in _CLOCKS if name in row})
    context = {
        "own_style": asset("curves.css"),
        "title": title,
        "running": running,
        "last": [
            (name, _clocked(name, value)) for name, value in last.items() if value is not None
        ],
        "charts": charts,
    }
    return write_page(out, "curves.html", context)


def _names(rows: Sequence[Row]) -> list[str]:
    """Names of all figures, in order of their first appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name not in _CLOCKS]


def _group(name: str) -> str:
    return next(group for group, wants in _GROUPS if wants(name))


def _series(rows: Sequence[Row], name: str, clock: str, place: int) -> Series:
    points = [
        (row.get(clock, number) if clock != "row" else number, row[name])
        for number, row in enumerate(rows, 1)
        if row.get(name) is not None
    ]
    stride = max(1, -(-len(points) // _MOST_POINTS))
    kept = [*points[:-1:stride], *points[-1:]]
    return Series(
        name.replace("_", " "),
        [math.nan if x is None else float(x) for x, _ in kept],
        [math.nan if y is None else float(y) for _, y in kept],
        colour=place % SERIES_COLOURS + 1,
        dashed=place >= SERIES_COLOURS,
    )


def _chart(group: str, series: Sequence[Series], clock: str) -> Chart:
    return Chart(
        x=Axis(clock, *span(x for line in series for x in line.x)),
        y=Axis(group.lower(), *span(y for line in series for y in line.y)),
        series=series,
        description=f"{group} by {clock}: {', '.join(line.name for line in series)}",
        width=560,
        height=320,
    )


def _figures(series: Sequence[Series]) -> list[Figure]:
    figures = []
    for line in series:
        finite = [y for y in line.y if math.isfinite(y)]
        if finite:
            values = (line.y[-1], min(finite), max(finite))
            figures.append(Figure(line.name, *(short(value) for value in values)))
    return figures


def _clocked(name: str, value: float) -> str:
    return duration(60 * value) if name == "minutes" else significant(value, 6)
