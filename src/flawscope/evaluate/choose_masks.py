"""Mask thresholds and smallest areas by kind, chosen on validation data from counts.

Of settings that score within ``TOLERANCE`` of the best, the plainest is taken: validation images
are too few to tell them apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from flawscope.evaluate.pixels import TRUE, dice, kaggle_dice
from flawscope.masks import components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

TOLERANCE = 0.005
"""Differences in Dice that are not worth an unusual setting."""

THRESHOLDS: Floats = np.round(np.arange(0.05, 0.96, 0.05), 2)
"""The mask thresholds tried, unless others are given."""

_AREAS_TRIED = 200


def threshold_counts(
    probabilities: NDArray[np.floating], truth: Bools, thresholds: Floats = THRESHOLDS
) -> Ints:
    """Pixels that are both, found and true, (t, 3), of one image and kind at each threshold.

    Args:
        probabilities: (height, width); a pixel that reaches a threshold is found.
        truth: (height, width).
        thresholds: (t,), ascending.
    """
    reached = np.searchsorted(thresholds, probabilities.ravel(), side="right")
    found, both = (
        np.bincount(those, minlength=thresholds.size + 1)[::-1].cumsum()[::-1][1:]
        for those in (reached, reached[truth.ravel()])
    )
    true = np.full(thresholds.size, np.count_nonzero(truth))
    return np.stack([both, found, true], axis=1).astype(np.int64)


def choose_mask_thresholds(
    counts: Mapping[str, Ints],
    thresholds: Floats = THRESHOLDS,
    parts: Mapping[str, Sequence[Hashable]] | None = None,
) -> dict[str, float]:
    """For each kind the threshold of the best Dice, nearest to 0.5 among those as good.

    Best is the mean of the Dice pooled over all pixels and the Dice averaged over the images that
    show the kind: the one is ruled by large defects, the other by small. A kind that no image
    shows gets 0.5.

    Args:
        counts: by kind, ``threshold_counts`` of the images, (n, t, 3).
        thresholds: (t,), ascending.
        parts: by kind, which part each image shows, (n,). A threshold is then as good as the best
            if they differ by no more than the standard error, over parts, of their difference (the
            one-standard-error rule; Breiman et al. 1984): one part says nothing of the next.
    """
    return {
        kind: _mask_threshold(ones, thresholds, parts[kind] if parts else None)
        for kind, ones in counts.items()
    }


def _mask_threshold(counts: Ints, thresholds: Floats, parts: Sequence[Hashable] | None) -> float:
    shows = counts[:, 0, TRUE] > 0
    if not shows.any():
        return 0.5
    each = dice(counts[shows])
    score = (dice(counts.sum(axis=0)) + each.mean(axis=0)) / 2
    doubt = np.full(thresholds.size, TOLERANCE)
    if parts is not None:
        shown = [part for part, one in zip(parts, shows, strict=True) if one]
        doubt = np.maximum(doubt, standard_error(each[:, [score.argmax()]] - each, shown))
    as_good = thresholds[score >= score.max() - doubt]
    return float(as_good[np.argmin(np.abs(as_good - 0.5))])


def standard_error(differences: Floats, parts: Sequence[Hashable]) -> Floats:
    """Of the mean of differences (n, t), by parts; of a single part nobody knows it."""
    numbers = {part: number for number, part in enumerate(dict.fromkeys(parts))}
    owners = np.array([numbers[part] for part in parts])
    means = np.array([differences[owners == part].mean(axis=0) for part in numbers.values()])
    if len(means) < 2:
        return np.full(differences.shape[1], np.inf)
    found: Floats = means.std(axis=0, ddof=1) / np.sqrt(len(means))
    return found


def piece_counts(found: Bools, truth: Bools) -> Ints:
    """Area of each piece of a found mask and how many of its pixels are true, (m, 2).

    Args:
        found: (height, width), of one image and kind; its 8-connected pieces are counted.
        truth: (height, width).
    """
    pieces = [
        (
            one.area,
            np.count_nonzero(
                one.pixels & truth[one.box.top : one.box.bottom, one.box.left : one.box.right]
            ),
        )
        for one in components(found)
    ]
    return np.array(pieces, dtype=np.int64).reshape(-1, 2)


def choose_areas(
    pieces: Mapping[str, Sequence[Ints]], true_pixels: Mapping[str, Ints]
) -> dict[str, int]:
    """For each kind the smallest area to keep: pieces of fewer pixels are dropped.

    Best is the mean of two figures, so that neither sort of image outvotes the other: Dice
    averaged over the images that show the kind, and the share of the others left without a piece.
    The least area that is as good is taken, 0 where no area helps or no image shows the kind.

    Args:
        pieces: by kind, ``piece_counts`` of each image, found at the kind's mask threshold in
            images that would be located at all.
        true_pixels: by kind, true pixels of each of the same images, (n,).
    """
    return {kind: _smallest_area(ones, true_pixels[kind]) for kind, ones in pieces.items()}


def _smallest_area(pieces: Sequence[Ints], true_pixels: Ints) -> int:
    shows = true_pixels > 0
    if not shows.any():
        return 0
    image = np.repeat(np.arange(len(pieces)), [len(ones) for ones in pieces])
    area, both = np.concatenate(pieces).T
    steps = np.unique(np.append(area[both == 0] + 1, 0))
    kept = np.linspace(0, steps.size - 1, min(steps.size, _AREAS_TRIED)).astype(int)
    scores = []
    for smallest in steps[kept]:
        sums = [
            np.bincount(image, weights=column * (area >= smallest), minlength=shows.size)
            for column in (both, area)
        ]
        each = kaggle_dice(np.stack([*sums, true_pixels.astype(float)], axis=1))
        scores.append(np.mean([each[side].mean() for side in (shows, ~shows) if side.any()]))
    as_good = np.array(scores) >= max(scores) - TOLERANCE
    return int(steps[kept][np.argmax(as_good)])
