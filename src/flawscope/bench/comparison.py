"""What came of a comparison, and its JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.bench.figures import Row, percentiles, row
from flawscope.bench.pictures import AS_THEY_COME, Trial
from flawscope.bench.rounds import Course, Reading, seconds_of
from flawscope.bench.sides import InspectorSide, Side
from flawscope.errors import FlawscopeError
from flawscope.values import Size

LATENCY_SHARE = 0.05
"""Of defective parts, for the percentiles of latency where pictures are mixed by share."""

Milliseconds = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class SideFigures:
    """What is said of one side alone.

    Attributes:
        facts: what it is and how it ran.
        latency_ms: p50, p95 and p99 of one part at a time, from file to answer.
        stages_ms: mean by stage, of ``good`` and of ``defective`` parts.
        runs_lines: whether each line of parts was run, or composed of shorter ones or single parts.
    """

    facts: Mapping[str, Any]
    latency_ms: Milliseconds
    stages_ms: Mapping[str, Milliseconds]
    runs_lines: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of a comparison.

    Attributes:
        rows: by name of the mix.
        model: the model's side.
        against: the other side; ``None`` where there is none.
        folder: of the user's pictures; ``None`` for rendered ones.
        size: of rendered pictures.
        looked_at: how many files of the folder were opened, or parts chosen.
        good, defective: how many pictures of each sort were timed.
        rounds: how many.
        peak_rss_mb: of a process that runs the model alone; ``None`` where the system is silent.
        broken: files that could not be used.
    """

    rows: Mapping[str, Row]
    model: SideFigures
    against: SideFigures | None
    folder: Path | None
    size: Size
    looked_at: int
    good: int
    defective: int
    rounds: int
    peak_rss_mb: float | None
    broken: tuple[FlawscopeError, ...] = ()

    def record(self) -> dict[str, Any]:
        """The JSON object of ``flawscope bench --json``."""
        rows = {name: asdict(found) for name, found in self.rows.items()}
        against = self.against
        return {
            "model": dict(self.model.facts),
            "against": None if against is None else dict(against.facts),
            "pictures": {
                "folder": None if self.folder is None else self.folder.as_posix(),
                "size": list(self.size) if self.folder is None else None,
                "looked_at": self.looked_at,
                "good": self.good,
                "defective": self.defective,
                "broken": [str(error) for error in self.broken],
            },
            "rounds": self.rounds,
            "as_they_come": rows.pop(AS_THEY_COME, None),
            "shares": rows,
            "lines_run": self.model.runs_lines,
            "against_lines_run": None if against is None else against.runs_lines,
            "latency_ms": dict(self.model.latency_ms),
            "against_latency_ms": None if against is None else dict(against.latency_ms),
            "stages_ms": _plain(self.model),
            "against_stages_ms": None if against is None else _plain(against),
            "peak_rss_mb": self.peak_rss_mb,
        }


def _plain(side: SideFigures) -> dict[str, dict[str, float]]:
    return {sort: dict(stages) for sort, stages in side.stages_ms.items()}


def rows_of(rounds: Sequence[tuple[Reading, ...]], trial: Trial) -> dict[str, Row]:
    """A row for each mix; of a round's readings the first is the model's, a second the other's."""
    rows = {}
    for mix in trial.mixes:
        paces = [
            [reading.paces[mix.name] for reading in side] for side in zip(*rounds, strict=True)
        ]
        rows[mix.name] = row(paces[0], paces[1] if len(paces) > 1 else None)
    return rows


def side_figures(
    side: Side, course: Course, readings: Sequence[Reading], share: float
) -> SideFigures:
    """What is said of one side alone.

    Args:
        side: with its facts.
        course: what it did in each round.
        readings: one a round.
        share: of defective parts, for its latency.
    """
    singles = tuple(single for reading in readings for single in reading.singles)
    sorts = {"good": False, "defective": True}
    seconds = {name: seconds_of(singles, defective=sort) for name, sort in sorts.items()}
    found = percentiles(seconds["good"], seconds["defective"], share)
    stages: dict[str, dict[str, list[float]]] = {name: {} for name in sorts}
    for picture, timing in singles:
        mine = stages["defective" if picture.defective else "good"]
        for stage, spent in timing.stages.items():
            mine.setdefault(stage, []).append(1000 * spent)
    return SideFigures(
        facts=_facts(side),
        latency_ms={name: round(1000 * value, 3) for name, value in found.items()},
        stages_ms={
            name: {stage: round(float(np.mean(spent)), 3) for stage, spent in by_stage.items()}
            for name, by_stage in stages.items()
        },
        runs_lines=course.runs_lines,
    )


def _facts(side: Side) -> dict[str, Any]:
    if not isinstance(side, InspectorSide):
        return {"name": side.name}
    inspector = side.inspector
    return {
        "name": side.name,
        "digest": inspector.digest,
        "engine": inspector.engine,
        "precisions": {stage: found.value for stage, found in inspector.precisions.items()},
        "threads": inspector.threads,
        "streams": inspector.streams,
    }
