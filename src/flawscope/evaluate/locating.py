"""From counts of pixels by image to the figures of located defects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flawscope.evaluate.intervals import Floats, Ints, Statistic, estimates, numbered
from flawscope.evaluate.pixels import TRUE, PixelCounts, dice, iou, kaggle_dice
from flawscope.evaluate.result import KindPixels, Located
from flawscope.values import Estimate


def located(images: Sequence[tuple[str | None, PixelCounts]], kinds: Sequence[str]) -> Located:
    """The figures of images with pixel truth, each with its group; there may be none."""
    any_dice, any_iou = _any_kind(images)
    n, k = len(named := [one for one in images if one[1].kinds is not None]), len(kinds)
    counts = np.array([pixels.kinds for _, pixels in named], dtype=float).reshape(n, k, 3)
    right = np.array(
        [(ones.right, ones.empty_right, ones.pixels) for _, ones in named], dtype=float
    ).reshape(n, 3)
    shows = counts[:, :, TRUE] > 0
    always = np.ones((n, 3), dtype=bool)
    figures = estimates(
        _statistic(counts, right),
        numbered([group for group, _ in named]),
        np.hstack([shows, shows, shows, shows.any(axis=1, keepdims=True), always]),
        [n] * (2 * k) + [int(count) for count in shows.sum(axis=0)] + [n] * 4,
    )
    mean_iou, accuracy, kaggle, kaggle_all_empty = figures[3 * k :]
    return Located(
        images=len(images),
        by_kind={kind: KindPixels(*figures[at : 3 * k : k]) for at, kind in enumerate(kinds)},
        mean_iou=mean_iou,
        pixel_accuracy=accuracy,
        any_kind_dice=any_dice,
        any_kind_iou=any_iou,
        kaggle_dice=kaggle,
        kaggle_dice_all_empty=kaggle_all_empty,
        pixel_accuracy_all_empty=float(right[:, 1].sum() / right[:, 2].sum()) if n else None,
    )


def _any_kind(images: Sequence[tuple[str | None, PixelCounts]]) -> list[Estimate]:
    """Pooled Dice and IoU of defect or not."""
    counts = np.array([ones.any_kind for _, ones in images], dtype=float).reshape(-1, 3)

    def statistic(weights: Floats) -> Floats:
        sums = weights @ counts
        return np.stack([dice(sums), iou(sums)], axis=1)

    groups = numbered([group for group, _ in images])
    hinges = np.repeat(counts[:, TRUE:] > 0, 2, axis=1)
    return estimates(statistic, groups, hinges, [len(images)] * 2)


def _statistic(counts: Floats, right: Floats) -> Statistic:
    """Figures under weights of the images, in this order.

    k pooled Dice, k pooled IoU, k Dice averaged over the images that show the kind, mean IoU,
    pixel accuracy, Kaggle's Dice, and Kaggle's Dice of finding nothing.
    """
    n, k, _ = counts.shape
    shows = counts[:, :, TRUE] > 0
    shown_dice = np.where(shows, dice(counts), 0.0)
    kaggle = np.stack([kaggle_dice(counts).sum(axis=1), (~shows).sum(axis=1)], axis=1) / max(k, 1)

    def statistic(weights: Floats) -> Floats:
        sums = (weights @ counts.reshape(n, -1)).reshape(-1, k, 3)
        ious = iou(sums)
        correct, _, pixels = (weights @ right).T
        return np.column_stack(
            [
                dice(sums),
                ious,
                _quotient(weights @ shown_dice, weights @ shows),
                _quotient(np.nansum(ious, axis=1), np.sum(~np.isnan(ious), axis=1)),
                correct / pixels,
                weights @ kaggle / weights.sum(axis=1, keepdims=True),
            ]
        )

    return statistic


def _quotient(part: Floats, whole: Floats | Ints) -> Floats:
    """Part by whole of one shape; NaN where the whole is 0."""
    quotients = np.full(part.shape, np.nan)
    np.divide(part, whole, out=quotients, where=np.asarray(whole > 0))
    return quotients
