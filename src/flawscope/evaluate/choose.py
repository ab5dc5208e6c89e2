"""Thresholds, edges and smallest areas, chosen on validation data.

Every choice goes between the scores that were seen, never onto one, and where the data do not
decide it stays near what calibrated probabilities would ask for: a handful of perfect images is
no reason for an extreme threshold. Equal data give equal choices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flawscope.errors import EvaluationError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Edges:
    """Where verdicts change.

    Attributes:
        accept_below: a part that scores under it is accepted.
        reject_above: a part that reaches it is rejected; between the two, reviewed.
    """

    accept_below: float
    reject_above: float


def choose_threshold(
    scores: Floats, truth: Bools, parts: Sequence[Hashable] | None = None
) -> float:
    """The threshold of the best F1, where a score that reaches it means yes.

    Of equally good ones that with the fewest wrong answers, then the nearest to 0.5; so also where
    nothing, or everything, is what is being looked for.

    Args:
        scores: probabilities (n,).
        truth: (n,), whether each is what is being looked for.
        parts: which part each image shows (n,). Images of one part with one truth then count as
            one, and one imagined part is counted besides, as ``choose_edges`` imagines it: six
            photographs of the only part that shows a kind are no reason for an extreme threshold.

    Raises:
        EvaluationError: there are no scores, or they are no probabilities.
    """
    places = _places(scores, 0.5)
    weights = np.ones(scores.size) if parts is None else one_a_part(parts, truth)
    missed = _weight_under(scores[truth], weights[truth], places)
    under = _weight_under(scores[~truth], weights[~truth], places)
    found = weights[truth].sum() - missed
    false_alarms = weights[~truth].sum() - under
    if parts is not None:
        missed = missed + places**2 / 2
        found = found + (1 - places**2) / 2
        false_alarms = false_alarms + (1 - places) ** 2 / 2
    wrong = missed + false_alarms
    f1 = np.divide(2 * found, 2 * found + wrong, out=np.zeros(places.size), where=found > 0)
    return float(places[np.lexsort((places, np.abs(places - 0.5), wrong, -f1))[0]])


def one_a_part(parts: Sequence[Hashable], truth: Bools) -> Floats:
    """Weights by which all images of one part and one truth come to 1."""
    owners = list(zip(parts, truth.tolist(), strict=True))
    sizes = Counter(owners)
    return np.array([1.0 / sizes[owner] for owner in owners])


def choose_edges(
    scores: Floats,
    defective: Bools,
    *,
    escape: float = 20.0,
    overkill: float = 1.0,
    review: float = 0.5,
    parts: Sequence[Hashable] | None = None,
) -> Edges:
    """The edges of the least cost on validation data and one imagined part besides.

    The imagined part may have any score from 0 to 1, all equally likely, and is defective with
    just that probability. It decides where the images do not: alone, it asks for Bayes's edges for
    calibrated probabilities (accept below review / escape, reject above 1 - review / overkill),
    and against a hundred images it has no say. Within a gap between two scores its cost is least
    at one point, which is taken, but never nearer to either score than a quarter of the gap. The
    minimum over all pairs of gaps is exact.

    Args:
        scores: probabilities (n,) that each part is defective.
        defective: (n,), the truth.
        escape: cost of accepting a defective part.
        overkill: cost of rejecting a good one.
        review: cost of sending a part to review.
        parts: which part each image shows (n,). Images of one part with one truth then count as
            one, so that six photographs of a part are not taken for six parts.

    Raises:
        EvaluationError: there are no scores, they are no probabilities, or a cost is not above 0.
    """
    if min(escape, overkill, review) <= 0:
        raise EvaluationError(
            f"costs of escape, overkill and review ({escape}, {overkill}, {review}) must be above 0"
        )
    low, high = review / escape, 1 - review / overkill
    if low > high:  # A review costs more than it can save: one edge, and nothing between.
        low = high = overkill / (escape + overkill)
    accepts, rejects = _places(scores, low), _places(scores, high)
    weights = np.ones(scores.size) if parts is None else one_a_part(parts, defective)
    bad, good = (scores[side] for side in (defective, ~defective))
    of_bad, of_good = (weights[side] for side in (defective, ~defective))
    # What accepting costs beyond reviewing the same parts; likewise rejecting.
    accepting = (
        (escape - review) * _weight_under(bad, of_bad, accepts)
        - review * _weight_under(good, of_good, accepts)
        + (escape * accepts / 2 - review) * accepts
    )
    rejecting = (
        (overkill - review) * (of_good.sum() - _weight_under(good, of_good, rejects))
        - review * (of_bad.sum() - _weight_under(bad, of_bad, rejects))
        + (overkill * (1 - rejects) / 2 - review) * (1 - rejects)
    )
    # Gap by gap an accepting edge is never above a rejecting one, so any gap up to it may go first.
    reject = int(np.argmin(np.minimum.accumulate(accepting) + rejecting))
    accept = int(np.argmin(accepting[: reject + 1]))
    return Edges(float(accepts[accept]), float(rejects[reject]))


def _places(scores: Floats, wish: float) -> Floats:
    """A threshold for each gap between distinct scores and for either end.

    They ascend, and each is as near to the wish as it gets without coming nearer to a score than a
    quarter of the gap. The threshold above every score is left out where one of them is 1.
    """
    if not scores.size or not np.all((scores >= 0) & (scores <= 1)):
        raise EvaluationError(
            "thresholds are chosen on at least one probability, from 0 to 1",
            remedy="Check that the validation part of the split has images",
        )
    seen = np.unique(scores)
    lows, highs = np.append(0.0, seen), np.append(seen, 1.0)
    margins = (highs - lows) / 4
    floors, ceilings = lows + margins, highs - margins
    floors[0], ceilings[-1] = 0.0, 1.0  # Nothing was seen at the ends to keep away from.
    places: Floats = np.clip(wish, floors, ceilings)
    # Where floats leave nothing in between, the score itself: reaching it is as good.
    places[1:] = np.where(places[1:] > lows[1:], places[1:], highs[1:])
    if seen[-1] == 1.0:
        places = places[:-1]
    return places


def _weight_under(scores: Floats, weights: Floats, places: Floats) -> Floats:
    """The weight of the scores that lie under each place."""
    order = np.argsort(scores, kind="stable")
    sums = np.concatenate([[0.0], np.cumsum(weights[order])])
    found: Floats = sums[np.searchsorted(scores[order], places, side="left")]
    return found
