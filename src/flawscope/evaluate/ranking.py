"""How well scores put the defective above the good: curves, areas under them, and F1.

Definitions are scikit-learn's. Equal scores are one step: they are never told apart by the order
in which they came.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Curve:
    """Precision and recall when everything that reaches a threshold is called defective.

    Three arrays of one length, one place a distinct score, thresholds ascending.
    """

    thresholds: Floats
    precision: Floats
    recall: Floats


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images by truth and answer: found, false alarms, missed, rightly passed."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @classmethod
    def at(cls, scores: Floats, truth: Bools, threshold: float) -> Confusion:
        """Counts where a score that reaches the threshold means yes."""
        said = scores >= threshold
        return cls(
            int(np.sum(said & truth)),
            int(np.sum(said & ~truth)),
            int(np.sum(~said & truth)),
            int(np.sum(~said & ~truth)),
        )


class Ranking:
    """Scores in order, for figures under any weighting of the images.

    Args:
        scores: (n,), finite.
        truth: (n,), whether each is what is being looked for.
    """

    def __init__(self, scores: Floats, truth: Bools) -> None:
        self._order = np.argsort(-scores, kind="stable")
        falling = scores[self._order]
        self._truth = truth[self._order]
        self._starts = np.flatnonzero(np.diff(falling, prepend=np.inf) != 0)
        self._levels = falling[self._starts]

    def auroc_and_precision(self, weights: Floats) -> Floats:
        """AUROC and average precision, (b, 2), for weights of the images (b, n).

        AUROC is the chance that something looked for outscores something else, equal scores
        counting half (Hanley and McNeil 1982). Average precision is the sum of precision times the
        step in recall, without interpolation. NaN where one of the sides has no weight.
        """
        positive, negative = self._steps(weights)
        above, below = positive.cumsum(axis=1), negative.cumsum(axis=1)
        positives, negatives = positive.sum(axis=1), negative.sum(axis=1)
        outscored = (negative * (above - positive / 2)).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            auroc = outscored / (positives * negatives)
            precision = above / np.maximum(above + below, np.finfo(float).tiny)
            average = (positive * precision).sum(axis=1) / positives
        return np.stack([auroc, average], axis=1)

    def curve(self) -> Curve:
        """Precision and recall at every distinct score; recall is NaN without positives."""
        positive, negative = self._steps(np.ones((1, self._truth.size)))
        found, called = positive[0].cumsum(), (positive + negative)[0].cumsum()
        with np.errstate(invalid="ignore"):
            recall = found / self._truth.sum()
        return Curve(self._levels[::-1], (found / called)[::-1], recall[::-1])

    def _steps(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of positives and of negatives at each distinct score, falling: two (b, steps)."""
        ordered = weights[:, self._order]
        if not self._starts.size:
            return ordered, ordered
        whole = np.add.reduceat(ordered, self._starts, axis=1)
        positive = np.add.reduceat(ordered * self._truth, self._starts, axis=1)
        return positive, whole - positive


def auroc(scores: Floats, truth: Bools) -> float | None:
    """Area under the receiver operating characteristic; ``None`` unless both sides are there."""
    return _one(scores, truth, 0)


def average_precision(scores: Floats, truth: Bools) -> float | None:
    """Average precision; ``None`` where nothing is there to be found."""
    return _one(scores, truth, 1)


def _one(scores: Floats, truth: Bools, column: int) -> float | None:
    figures = Ranking(scores, truth).auroc_and_precision(np.ones((1, scores.size)))
    value = float(figures[0, column])
    return None if np.isnan(value) else value


def f1_score(found: Floats, false_alarms: Floats, missed: Floats) -> Floats:
    """F1 from counts of any one shape; NaN where nothing was there to be found."""
    with np.errstate(invalid="ignore"):
        score = 2 * found / (2 * found + false_alarms + missed)
    return np.where(found + missed > 0, score, np.nan)
