"""How much the located pixels should say in a score: fitted, and kept only where it helps."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flawscope.evaluate.choose import Bools, Floats, one_a_part
from flawscope.values.policy import logit

_FOLDS = 5
_FEWEST = 8
"""Parts that are good, and that are defective: fewer cannot tell chance from gain."""

_GAIN = 0.05
"""The share by which the log loss must fall on parts that had no part in fitting."""

_PULL = 1.0
"""How hard weights are pulled to the screen's own answer, in parts' worth of evidence."""

_ROUNDS, _NEAR = 100, 1e-8


class Weights(NamedTuple):
    """Of the logits of the screen's answer and of the located pixels, and what is added."""

    offset: float
    screen: float
    masks: float


SCREEN_ALONE = Weights(0.0, 1.0, 0.0)


def enough_parts(defective: Bools, parts: Sequence[Hashable]) -> bool:
    """Whether there are good parts and defective ones enough to choose by.

    Args:
        defective: (n,), the truth of each image.
        parts: which part each shows (n,).
    """
    shown = set(zip(parts, defective.tolist(), strict=True))
    return all(sum(one is truth for _, one in shown) >= _FEWEST for truth in (True, False))


def choose_second_look(
    screen: Floats, masks: Floats, defective: Bools, parts: Sequence[Hashable]
) -> Weights | None:
    """Weights of the best logistic score, or ``None`` where the screen alone is about as good.

    It is so, too, where there are not ``enough_parts``.

    Both are fitted on four fifths of the parts and judged on the other fifth, five times over;
    all images of a part are on one side. The logistic model is fitted by Newton's method with a
    quadratic penalty, its steps halved until they gain; weights under 0 are not considered.

    Args:
        screen: the screen's answers (n,).
        masks: the means of the likeliest pixels' probabilities (n,).
        defective: (n,), the truth.
        parts: which part each image shows (n,); the images of one part and one truth count as one.
    """
    if not enough_parts(defective, parts):
        return None
    weights = one_a_part(parts, defective)
    logits = np.column_stack([np.ones(screen.size), _logits(screen), _logits(masks)])
    folds = _folds(parts, defective)
    losses = {}
    for used in ((True, True, False), (True, True, True)):
        losses[used] = 0.0
        for fold in range(_FOLDS):
            held_out = folds == fold
            fitted = _fitted(logits[~held_out], defective[~held_out], weights[~held_out], used)
            loss = _loss(logits[held_out] @ fitted, defective[held_out])
            losses[used] += float((loss * weights[held_out]).sum())
    alone, both = losses.values()
    found = Weights(*_fitted(logits, defective, weights, (True, True, True)).tolist())
    return found if found.masks > 0 and both < (1.0 - _GAIN) * alone else None


def calibrated_edge(
    screen: Floats, defective: Bools, parts: Sequence[Hashable], probability: float
) -> float:
    """The screen's answer that means a probability, by a logistic fit of the screen alone.

    Of a few dozen parts the least suspicious defective one says little of the next: a threshold
    just under it lets about one in so many go. The fit says how the answers thin out (Platt 1999).

    Args:
        screen: the screen's answers (n,).
        defective: (n,), the truth.
        parts: which part each image shows (n,).
        probability: that a part is defective.
    """
    features = np.column_stack([np.ones(screen.size), _logits(screen), np.zeros(screen.size)])
    weights = one_a_part(parts, defective)
    offset, slope, _ = _fitted(features, defective, weights, (True, True, False))
    return float(1.0 / (1.0 + np.exp((offset - logit(probability)) / max(slope, 1e-6))))


def _logits(probabilities: Floats) -> Floats:
    return np.array([logit(one) for one in probabilities.tolist()])


def _folds(parts: Sequence[Hashable], defective: Bools) -> NDArray[np.int64]:
    """The fold of each image; parts with a defect are spread evenly, and so are the others."""
    shows: dict[Hashable, bool] = {}
    for part, truth in zip(parts, defective.tolist(), strict=True):
        shows[part] = shows.get(part, False) or truth
    fold: dict[Hashable, int] = {}
    for truth in (True, False):
        alike = sorted((part for part, one in shows.items() if one is truth), key=str)
        fold |= {part: place % _FOLDS for place, part in enumerate(alike)}
    return np.array([fold[part] for part in parts])


def _loss(logits: Floats, truth: Bools) -> Floats:
    """Log loss of each."""
    found: Floats = np.logaddexp(0.0, np.where(truth, -logits, logits))
    return found


def _fitted(features: Floats, truth: Bools, weights: Floats, used: Sequence[bool]) -> Floats:
    """The three weights; those that are not used, or would be under 0, are 0."""
    free = np.array(used)
    centre = np.array(SCREEN_ALONE) * free
    pull = np.array([0.01, 1.0, 1.0]) * _PULL  # what is added must be free to follow the shares

    def cost(point: Floats) -> float:
        bent = pull @ (point - centre) ** 2 / 2
        return float(weights @ _loss(features @ point, truth) + bent)

    found: Floats = centre.copy()
    for _ in range(_ROUNDS):
        chance = 1.0 / (1.0 + np.exp(-(features @ found).clip(-30.0, 30.0)))
        slope = features.T @ (weights * (chance - truth)) + pull * (found - centre)
        bend = (features.T * (weights * chance * (1.0 - chance))) @ features + np.diag(pull)
        step = np.zeros(3)
        step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        before = cost(found)
        while cost(found - step) > before and np.abs(step).max() > _NEAR:
            step /= 2
        found = found - step
        if np.abs(step).max() <= _NEAR:
            break
    under = (found < 0.0) & np.array([False, True, True])
    if under.any():
        return _fitted(features, truth, weights, (free & ~under).tolist())
    return found
