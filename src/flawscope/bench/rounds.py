"""Rounds: every side on the same pictures in turn, until the time is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from flawscope.bench.figures import composed
from flawscope.bench.pictures import Picture, Told, Trial
from flawscope.bench.sides import Side, Timing

LEAST_ROUNDS = 3
"""However long they take: fewer have no spread."""

SHORT = 8
"""Parts of one sort in a line that mixes are composed of: two for each of the most streams."""

Singles = tuple[tuple[Picture, Timing], ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """One side in one round.

    Attributes:
        paces: seconds a part by the name of the mix.
        singles: pictures that were timed one at a time.
    """

    paces: Mapping[str, float]
    singles: Singles


@dataclass(frozen=True, slots=True)
class Course:
    """What a side does in each round.

    Attributes:
        runs_lines: it really runs every mix. Else the mixes are composed: of a short line of good
            parts and one of defective ones, or, if the side is sequential, of single pictures.
        runs_all: it is timed on every picture alone. Else on a good and a defective one a round.
    """

    runs_lines: bool
    runs_all: bool


def seconds_of(singles: Singles, *, defective: bool) -> list[float]:
    """What the good ones took, or the defective ones."""
    return [timing.seconds for picture, timing in singles if picture.defective is defective]


def composed_pace(singles: Singles, share: float) -> float:
    """Seconds a part on a line with a share of defective parts, one after another."""
    good, defective = (seconds_of(singles, defective=which) for which in (False, True))
    return composed(good, defective, share)


def warmed(side: Side, trial: Trial) -> Singles:
    """Brings a side to its pace; what a good and a defective picture then take it."""
    pair = _pair(trial, 0)
    side.line(pair * side.warm_ups)
    for picture in pair:
        side.one(picture)
    return tuple((picture, side.one(picture)) for picture in pair)


def course_for(side: Side, trial: Trial, pair: Singles, seconds: float) -> Course:
    """The most that a side can do in each of ``LEAST_ROUNDS`` within its seconds.

    Args:
        side: warmed.
        trial: what it will run.
        pair: what its pictures take, as by ``warmed``.
        seconds: that it has for all rounds.
    """
    share = len(trial.defective) / len(trial.pictures)
    alone = len(trial.pictures) * composed_pace(pair, share)
    lines = sum(len(mix.pictures) * composed_pace(pair, mix.share) for mix in trial.mixes)
    has = seconds / LEAST_ROUNDS
    few = sum(len(mix.pictures) for mix in trial.mixes) <= 2 * SHORT  # no more than short lines
    return Course(
        runs_lines=not side.sequential and (few or alone + lines <= has),
        runs_all=alone <= has,
    )


def run_rounds(
    sides: Sequence[Side],
    courses: Sequence[Course],
    trial: Trial,
    seconds: float,
    told: Told,
) -> list[tuple[Reading, ...]]:
    """By round, a reading of each side; who begins changes from round to round.

    Args:
        sides: in turn.
        courses: one a side.
        trial: the same for all.
        seconds: to spend in all; ``LEAST_ROUNDS`` are run however long they take.
        told: of the share done, and in words.
    """
    rounds: list[tuple[Reading, ...]] = []
    began = perf_counter()
    spent = 0.0
    while len(rounds) < LEAST_ROUNDS or spent * (1 + 1 / len(rounds)) <= seconds:
        number = len(rounds)
        readings: dict[int, Reading] = {}
        places = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for place in places:
            share = min(spent / seconds, number / LEAST_ROUNDS, 1.0)
            told(share, f"round {number + 1}: {sides[place].name}")
            readings[place] = _read(sides[place], courses[place], trial, number)
        rounds.append(tuple(readings[place] for place in range(len(sides))))
        spent = perf_counter() - began
    return rounds


def _read(side: Side, course: Course, trial: Trial, number: int) -> Reading:
    pictures = trial.pictures if course.runs_all else _pair(trial, number)
    singles = tuple((picture, side.one(picture)) for picture in pictures)
    if course.runs_lines:
        paces = {mix.name: side.line(mix.pictures) / len(mix.pictures) for mix in trial.mixes}
    elif side.sequential:
        paces = {mix.name: composed_pace(singles, mix.share) for mix in trial.mixes}
    else:
        good, defective = (_short_line(side, sort) for sort in (trial.good, trial.defective))
        paces = {mix.name: composed(good, defective, mix.share) for mix in trial.mixes}
    return Reading(paces, singles)


def _short_line(side: Side, sort: Sequence[Picture]) -> list[float]:
    """Seconds a part, in a line of such parts; nothing where there are none."""
    line = [sort[place % len(sort)] for place in range(SHORT)] if sort else []
    return [side.line(line) / SHORT] if line else []


def _pair(trial: Trial, number: int) -> tuple[Picture, ...]:
    """A good and a defective picture, others every time; one, where all are of one sort."""
    sorts = (sort for sort in (trial.good, trial.defective) if sort)
    return tuple(sort[number % len(sort)] for sort in sorts)
