"""What is run in a round, by sides whose times are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flawscope.bench import SHARES, Picture, Side, Timing, Trial, mixed
from flawscope.bench.comparison import rows_of, side_figures
from flawscope.bench.rounds import LEAST_ROUNDS, Course, course_for, run_rounds, warmed

GOOD = tuple(Picture(Path(f"good-{number}.jpg"), False) for number in range(4))
DEFECTIVE = tuple(Picture(Path(f"defective-{number}.jpg"), True) for number in range(4))
TRIAL = Trial(
    GOOD,
    DEFECTIVE,
    tuple(mixed(GOOD, DEFECTIVE, share, length) for share, length in SHARES.items()),
)
EVERYTHING = Course(runs_lines=True, runs_all=True)
SAMPLES = Course(runs_lines=False, runs_all=False)


@dataclass
class Known:
    """Takes so many seconds for a good part, and so many times these for a defective one."""

    name: str
    seconds: float
    times: float
    sequential: bool = False
    streams: int = 1
    warm_ups: int = 2
    log: list[str] = field(default_factory=list)
    seen: list[Picture] = field(default_factory=list)

    def one(self, picture: Picture) -> Timing:
        self.log.append(self.name)
        self.seen.append(picture)
        spent = self.seconds * (self.times if picture.defective else 1)
        return Timing(spent, {"screen": self.seconds})

    def line(self, pictures: Sequence[Picture]) -> float:
        self.log.append(f"{self.name} line")
        spent = sum(self.seconds * (self.times if p.defective else 1) for p in pictures)
        return spent / self.streams


def silent(_share: float, _words: str) -> None:
    pass


def test_a_slow_side_is_sampled_and_a_quick_one_really_runs_the_lines() -> None:
    quick, slow = Known("quick", 0.02, 4.0), Known("slow", 0.8, 3.0, sequential=True)
    courses = [course_for(side, TRIAL, warmed(side, TRIAL), 30.0) for side in (quick, slow)]
    assert courses == [EVERYTHING, SAMPLES]


@pytest.mark.parametrize(("seconds", "runs_lines"), [(400.0, True), (30.0, False)])
def test_a_model_that_is_too_slow_for_its_lines_is_not_run_for_ever(
    seconds: float, runs_lines: bool
) -> None:
    side = Known("large", 0.5, 4.0)
    course = course_for(side, TRIAL, warmed(side, TRIAL), seconds)
    assert course.runs_lines is runs_lines


def test_lines_that_are_composed_come_to_what_lines_that_are_run_do() -> None:
    known: tuple[Side, ...] = (Known("run", 0.02, 4.0), Known("sampled", 0.8, 3.0))
    rounds = run_rounds(known, [EVERYTHING, SAMPLES], TRIAL, 0.01, silent)
    rows = rows_of(rounds, TRIAL)
    assert rows.keys() == {"0.02", "0.05", "0.2", "1.0"}
    for name, found in rows.items():
        share = float(name)
        ours, theirs = 0.02 * (1 + 3 * share), 0.8 * (1 + 2 * share)
        assert found.images_per_second == pytest.approx(1 / ours)
        assert found.against_images_per_second == pytest.approx(1 / theirs)
        assert found.ratio == pytest.approx(theirs / ours)
        assert found.ratio_low == pytest.approx(found.ratio)


def test_composed_lines_are_of_lines_where_those_are_quicker_than_their_parts() -> None:
    side = Known("streams", 0.5, 4.0, streams=2)
    rounds = run_rounds((side,), [SAMPLES], TRIAL, 0.01, silent)
    assert side.log[:4] == ["streams", "streams", "streams line", "streams line"]
    found = rows_of(rounds, TRIAL)["0.2"]
    assert found.images_per_second == pytest.approx(2 / (0.5 * (1 + 3 * 0.2)))


def test_sides_take_turns_and_pictures_change() -> None:
    one, other = Known("one", 0.02, 4.0, True), Known("other", 0.8, 3.0, True)
    told: list[float] = []
    rounds = run_rounds(
        (one, other), [SAMPLES, SAMPLES], TRIAL, 1e-6, lambda share, _: told.append(share)
    )
    assert len(rounds) == LEAST_ROUNDS
    assert one.seen[:6] == [GOOD[0], DEFECTIVE[0], GOOD[1], DEFECTIVE[1], GOOD[2], DEFECTIVE[2]]
    assert other.seen == one.seen
    assert told == sorted(told)
    assert told[-1] <= 1.0


def test_who_begins_changes_from_round_to_round() -> None:
    log: list[str] = []
    sides = Known("a", 0.02, 4.0, True, log=log), Known("b", 0.8, 3.0, True, log=log)
    run_rounds(sides, [SAMPLES, SAMPLES], TRIAL, 1e-6, silent)
    assert "".join(log) == "aabb" + "bbaa" + "aabb"


def test_figures_of_a_side_weigh_its_parts_by_share() -> None:
    side = Known("side", 0.02, 4.0)
    rounds = run_rounds((side,), [SAMPLES], TRIAL, 1e-6, silent)
    readings = [only for (only,) in rounds]
    rare = side_figures(side, SAMPLES, readings, 0.05)
    assert rare.latency_ms == {"p50": 20.0, "p95": 20.0, "p99": 80.0}
    assert rare.stages_ms == {"good": {"screen": 20.0}, "defective": {"screen": 20.0}}
    assert side_figures(side, SAMPLES, readings, 1.0).latency_ms["p50"] == 80.0
