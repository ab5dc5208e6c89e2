"""Under which probability of a kind a hard gate drops its mask, chosen by what that gains."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from flawscope.evaluate.choose_masks import TOLERANCE, Floats, Ints, standard_error
from flawscope.evaluate.pixels import FOUND, TRUE, dice

_TRIED = 40
_HIGHEST = 0.5
"""No mask is dropped of a kind that is more likely there than not."""


def choose_veto(counts: Ints, chances: Floats, parts: Sequence[Hashable]) -> float:
    """The lowest probability that is as good as the best; 0 where a veto gains nothing.

    Good is what a mask threshold is chosen by, at the best threshold for each veto: the mean of
    the Dice pooled over all pixels and the Dice averaged over the images that show the kind. A
    wrong veto costs a defect's whole mask, so a higher one has to gain more than the standard
    error, over parts, of the difference.

    Args:
        counts: ``threshold_counts`` of the images that are located, (n, t, 3).
        chances: probability of the kind on each image (n,).
        parts: which part each shows (n,).
    """
    shows = counts[:, 0, TRUE] > 0
    if not shows.any():
        return _HIGHEST
    shown = [part for part, one in zip(parts, shows, strict=True) if one]
    vetoes = _candidates(chances)
    scores, each = [], []
    for veto in vetoes:
        kept = counts.copy()
        kept[chances < veto, :, : FOUND + 1] = 0
        of_each = dice(kept[shows])
        score = (dice(kept.sum(axis=0)) + of_each.mean(axis=0)) / 2
        scores.append(score.max())
        each.append(of_each[:, score.argmax()])
    best = int(np.argmax(scores))
    differences = np.stack([each[best] - one for one in each], axis=1)
    doubt = np.maximum(TOLERANCE, standard_error(differences, shown))
    return float(vetoes[np.argmax(np.array(scores) >= scores[best] - doubt)])


def _candidates(chances: Floats) -> Floats:
    """0, and places between the probabilities that were seen."""
    seen = np.unique(chances[chances < _HIGHEST])
    between = (seen[1:] + seen[:-1]) / 2
    if between.size > _TRIED:
        between = between[np.linspace(0, between.size - 1, _TRIED).round().astype(int)]
    return np.concatenate([[0.0], between])
