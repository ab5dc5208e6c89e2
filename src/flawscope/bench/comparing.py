"""A model timed, alone or in turn with another side."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from flawscope.bench.comparison import LATENCY_SHARE, Comparison, rows_of, side_figures
from flawscope.bench.memory import peak_mb
from flawscope.bench.pictures import (
    Told,
    Trial,
    evenly,
    named_pictures,
    named_trial,
    rendered_trial,
)
from flawscope.bench.rounds import (
    LEAST_ROUNDS,
    Singles,
    composed_pace,
    course_for,
    run_rounds,
    warmed,
)
from flawscope.bench.sides import InspectorSide, Setup, Side
from flawscope.errors import EvaluationError, FlawscopeError
from flawscope.values import Size

DEFAULT_SECONDS = 45.0
"""With choosing pictures and warming up, about a minute."""

DEFAULT_SIZE = Size(256, 1600)


def compare(
    model: Path,
    against: Path | Side | None = None,
    *,
    images: Path | None = None,
    size: Size = DEFAULT_SIZE,
    seconds: float = DEFAULT_SECONDS,
    setup: Setup | None = None,
    told: Told = lambda _share, _words: None,
) -> Comparison:
    """Times a model end to end, from files to inspections, and the other side on the same files.

    Both run in rounds, in turn, so that whatever else the machine does disturbs both alike. A
    side that is quick enough really runs lines of parts with each share of defective ones; for one
    that is too slow for the time, they are composed of a short line of good and one of defective
    parts, or, if it takes one part after the other anyway, of parts timed one at a time.

    Args:
        model: the model file.
        against: another model file, or any other side; ``None`` times the model alone.
        images: a folder of pictures to take as they come, instead of rendered parts by share.
        size: of rendered parts.
        seconds: for the rounds, of which three are run however long they take.
        setup: how models are run.
        told: of progress.

    Raises:
        EvaluationError: no time is given, or no rendered parts will do for these models.
        ImageError: ``images`` holds none that can be read.
        ModelFileError, EngineError: as for ``Inspector.load``.
    """
    if not seconds > 0:
        raise EvaluationError(f"{seconds:g} seconds are no time", remedy="Give more than 0")
    setup = setup or Setup()
    ours = InspectorSide.of(model, setup)
    theirs = InspectorSide.of(against, setup) if isinstance(against, Path) else against
    sides: tuple[Side, ...] = (ours,) if theirs is None else (ours, theirs)
    broken: tuple[FlawscopeError, ...] = ()
    with tempfile.TemporaryDirectory(prefix="flawscope-bench-") as folder:
        if images is None:
            inspectors = [side.inspector for side in sides if isinstance(side, InspectorSide)]
            trial = rendered_trial(Path(folder), size, inspectors, told)
            share = LATENCY_SHARE
            pairs, looked_at = _warmed(sides, trial, told), len(trial.pictures)
        else:
            pictures, broken = named_pictures(images, ours.inspector, told)
            trial, pairs = _shortened(named_trial(pictures), sides, seconds, told)
            looked_at = len(pictures) + len(broken)
            share = trial.mixes[0].share
        has = seconds / len(sides)
        courses = [
            course_for(side, trial, pair, has) for side, pair in zip(sides, pairs, strict=True)
        ]
        rounds = run_rounds(sides, courses, trial, seconds, told)
        told(1.0, "measuring memory")
        used = ours.inspector
        exact = replace(setup, engine=used.engine, threads=used.threads, streams=used.streams)
        longest = max(trial.mixes, key=lambda mix: mix.share).pictures
        peak = peak_mb(model, exact, [picture.path for picture in longest])
    figures = [
        side_figures(side, course, readings, share)
        for side, course, readings in zip(sides, courses, zip(*rounds, strict=True), strict=True)
    ]
    return Comparison(
        rows=rows_of(rounds, trial),
        model=figures[0],
        against=figures[1] if len(figures) > 1 else None,
        folder=images,
        size=size,
        looked_at=looked_at,
        good=len(trial.good),
        defective=len(trial.defective),
        rounds=len(rounds),
        peak_rss_mb=peak,
        broken=broken,
    )


def _warmed(sides: Sequence[Side], trial: Trial, told: Told) -> list[Singles]:
    pairs = []
    for place, side in enumerate(sides):
        told(place / len(sides), f"warming up: {side.name}")
        pairs.append(warmed(side, trial))
    return pairs


def _shortened(
    whole: Trial, sides: Sequence[Side], seconds: float, told: Told
) -> tuple[Trial, list[Singles]]:
    """A user's pictures, no more than the slowest side can run in every round."""
    pairs = _warmed(sides, whole, told)
    (mix,) = whole.mixes
    slowest = max(
        composed_pace(pair, mix.share) * (1 if side.sequential else 2)  # alone, and in a line
        for side, pair in zip(sides, pairs, strict=True)
    )
    most = int(seconds / len(sides) / LEAST_ROUNDS / slowest)
    return named_trial(evenly(mix.pictures, max(1, most))), pairs
