"""From the numbers kept of each image to the figures of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flawscope.evaluate.intervals import Bools, Floats, Ints, estimates, numbered, proportion
from flawscope.evaluate.locating import located
from flawscope.evaluate.pixels import PixelCounts
from flawscope.evaluate.ranking import Confusion, Curve, Ranking, f1_score
from flawscope.evaluate.result import (
    Evaluation,
    Mistake,
    Scores,
    Table,
    Trade,
    Verdicts,
)
from flawscope.values import KindPolicy, Policy, Verdict

_DRAWN = 500
"""Points kept of a curve: more than a page has pixels for."""

_WORST = 24
"""Mistakes kept of each sort: what somebody will look at."""


@dataclass(frozen=True, slots=True)
class Row:
    """What is kept of one image.

    Attributes:
        id: of the sample.
        group: of the sample.
        defective: the truth.
        score: that it is defective.
        verdict: of the inspection.
        shows: by kind, whether it shows it; ``None`` where nobody named them.
        probabilities: by kind.
        pixels: counts; ``None`` where nobody drew its defects.
    """

    id: str
    group: str | None
    defective: bool
    score: float
    verdict: Verdict
    shows: tuple[bool, ...] | None
    probabilities: tuple[float, ...]
    pixels: PixelCounts | None


def evaluation(
    rows: Sequence[Row], unknown: int, kinds: Sequence[str], policy: Policy, any_kind: bool
) -> Evaluation:
    """The figures of at least one image."""
    groups = numbered([row.group for row in rows])
    truth = np.array([row.defective for row in rows])
    scores = np.array([row.score for row in rows])
    by_kind = _kinds(rows, kinds, policy)
    thresholds = {kind: ones.threshold for kind, ones in by_kind.items()}
    return Evaluation(
        images=len(rows),
        unknown=unknown,
        groups=int(groups.max()) + 1,
        any_kind=any_kind,
        screen=_scores(scores, truth, groups, policy.defective_from),
        kinds=by_kind,
        locate=located([(r.group, r.pixels) for r in rows if r.pixels is not None], kinds),
        verdicts=_verdicts(rows, truth, groups),
        verdict_table=_verdict_table(rows),
        kind_table=_kind_table(rows, thresholds),
        trade=_trade(scores, truth, policy),
        escapes=_mistakes(rows, Verdict.ACCEPT),
        overkills=_mistakes(rows, Verdict.REJECT),
    )


def _kinds(rows: Sequence[Row], kinds: Sequence[str], policy: Policy) -> dict[str, Scores]:
    named = [(row, row.shows) for row in rows if row.shows is not None]
    groups = numbered([row.group for row, _ in named])
    return {
        kind: _scores(
            np.array([row.probabilities[place] for row, _ in named]),
            np.array([shows[place] for _, shows in named], dtype=bool),
            groups,
            policy.kinds.get(kind, KindPolicy()).probability,
        )
        for place, kind in enumerate(kinds)
    }


def _scores(scores: Floats, truth: Bools, groups: Ints, threshold: float) -> Scores:
    said = scores >= threshold
    outcomes = np.stack([said & truth, said & ~truth, ~said & truth], axis=1).astype(float)
    ranking = Ranking(scores, truth)

    def figures(weights: Floats) -> Floats:
        f1 = f1_score(*(weights @ outcomes).T)
        return np.column_stack([ranking.auroc_and_precision(weights), f1])

    scarcer = min(truth, ~truth, key=lambda side: np.unique(groups[side]).size)
    hinges = np.stack([scarcer, truth, truth], axis=1)
    auroc, average, f1 = estimates(figures, groups, hinges, [truth.size] * 3)
    return Scores(
        auroc=auroc,
        average_precision=average,
        f1=f1,
        precision=proportion(truth[said], groups[said]),
        recall=proportion(said[truth], groups[truth]),
        threshold=threshold,
        support=int(truth.sum()),
        confusion=Confusion.at(scores, truth, threshold),
        curve=_drawn(ranking.curve()),
        trivial=_yes_to_all(truth),
    )


def _yes_to_all(truth: Bools) -> dict[str, float | None]:
    """What the answer "yes, surely" to every image gets; ``None`` where the figure is not there."""
    if not truth.any():
        return dict.fromkeys(("auroc", "average_precision", "f1", "precision", "recall"))
    share = float(truth.mean())
    return {
        "auroc": None if truth.all() else 0.5,
        "average_precision": share,
        "f1": 2 * share / (1 + share),
        "precision": share,
        "recall": 1.0,
    }


def _verdicts(rows: Sequence[Row], truth: Bools, groups: Ints) -> Verdicts:
    given = np.array([row.verdict.value for row in rows])
    return Verdicts(
        escape_rate=proportion(given[truth] == Verdict.ACCEPT.value, groups[truth]),
        overkill_rate=proportion(given[~truth] == Verdict.REJECT.value, groups[~truth]),
        review_rate=proportion(given == Verdict.REVIEW.value, groups),
    )


def _verdict_table(rows: Sequence[Row]) -> Table:
    counts = tuple(
        tuple(
            sum(row.defective is defective and row.verdict is verdict for row in rows)
            for verdict in Verdict
        )
        for defective in (False, True)
    )
    return Table(("good", "defective"), tuple(verdict.value for verdict in Verdict), counts)


def _kind_table(rows: Sequence[Row], thresholds: dict[str, float]) -> Table:
    names = (*thresholds, "none") if thresholds else ()
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    bars = np.array(list(thresholds.values()))
    for row in rows:
        if not thresholds or row.shows is None or sum(row.shows) > 1:
            continue
        reached = np.where(row.probabilities >= bars, row.probabilities, -1.0)
        true = row.shows.index(True) if any(row.shows) else -1
        counts[true, int(reached.argmax()) if reached.max() >= 0 else -1] += 1
    return Table(names, names, tuple(tuple(int(count) for count in line) for line in counts))


def _trade(scores: Floats, truth: Bools, policy: Policy) -> Trade:
    thresholds = np.unique(np.concatenate([scores, [0.0, 1.0]]))
    under = [np.searchsorted(np.sort(scores[side]), thresholds) for side in (truth, ~truth)]
    escapes, passed = (
        count / side.sum() if side.any() else np.full(thresholds.size, np.nan)
        for count, side in zip(under, (truth, ~truth), strict=True)
    )
    kept = _kept(thresholds.size)
    return Trade(
        thresholds=thresholds[kept],
        escape_rate=escapes[kept],
        overkill_rate=1 - passed[kept],
        accept_below=policy.accept_below,
        reject_above=policy.reject_above,
    )


def _mistakes(rows: Sequence[Row], verdict: Verdict) -> tuple[Mistake, ...]:
    """Defective parts that were accepted, or good ones rejected, the surest of them first."""
    escapes = verdict is Verdict.ACCEPT
    wrong = [row for row in rows if row.verdict is verdict and row.defective is escapes]
    worst = sorted(wrong, key=lambda row: (row.score if escapes else -row.score, row.id))[:_WORST]
    return tuple(Mistake(row.id, row.score, row.verdict) for row in worst)


def _drawn(curve: Curve) -> Curve:
    kept = _kept(curve.thresholds.size)
    return Curve(curve.thresholds[kept], curve.precision[kept], curve.recall[kept])


def _kept(count: int) -> Ints:
    """At most ``_DRAWN`` places out of ``count``, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, min(count, _DRAWN)).round().astype(np.int64))
