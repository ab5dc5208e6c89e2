"""Located defects against true ones, counted an image at a time.

One rule for empty masks, and it stands here. ``dice`` and ``iou`` exist only where the truth has
pixels: a kind that no image shows has none, however rightly nothing was found. ``kaggle_dice`` is
the competition's: nothing found where nothing is counts 1, so that its figure means little without
that of finding nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flawscope.errors import EvaluationError
from flawscope.masks import union
from flawscope.values import UNNAMED, Defect, Inspection, Sample, Size

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BOTH, FOUND, TRUE = 0, 1, 2
"""Places in the last axis of counts: pixels that are both, that were found, that are true."""


def dice(counts: NDArray[np.float64] | Ints) -> Floats:
    """Dice from counts (..., 3); NaN where the truth is empty (Dice 1945)."""
    return _share(2 * counts[..., BOTH], counts[..., FOUND] + counts[..., TRUE], counts[..., TRUE])


def iou(counts: NDArray[np.float64] | Ints) -> Floats:
    """Intersection over union from counts (..., 3); NaN where the truth is empty."""
    whole = counts[..., FOUND] + counts[..., TRUE] - counts[..., BOTH]
    return _share(counts[..., BOTH], whole, counts[..., TRUE])


def kaggle_dice(counts: NDArray[np.float64] | Ints) -> Floats:
    """Dice from counts (..., 3), 1 where the truth is empty and nothing was found."""
    return np.where(counts[..., TRUE] > 0, dice(counts), counts[..., FOUND] == 0)


def _share(part: NDArray[np.generic], whole: NDArray[np.generic], truth: Floats | Ints) -> Floats:
    shares = np.full(np.shape(truth), np.nan)
    np.divide(part, whole, out=shares, where=np.asarray(truth > 0))
    return shares


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """What one image adds to the figures of located defects.

    Attributes:
        any_kind: (3,), pixels of any defect: both, found, true.
        kinds: (k, 3), the same by kind; ``None`` where a true defect's kind is unknown, or where
            kinds are not asked for.
        right: pixels whose set of kinds is exactly the true one.
        empty_right: pixels that show no kind, which finding nothing would get right.
        pixels: of the image.
    """

    any_kind: Ints
    kinds: Ints | None
    right: int
    empty_right: int
    pixels: int


def has_pixel_truth(sample: Sample) -> bool:
    """Whether somebody looked at the sample and drew its defects, rather than boxes round them."""
    return sample.defects is not None and all(d.mask is not None for d in sample.defects)


def count_pixels(sample: Sample, inspection: Inspection, kinds: Sequence[str]) -> PixelCounts:
    """Counts of one image; the sample must have pixel truth.

    A pixel's set of kinds is the looked-for kinds whose masks cover it, with ``UNNAMED`` as one
    more kind, which the truth never shows: a find that no kind explains is not right, wherever it
    lies. What was found of kinds that nobody looked for counts for any defect only.

    Args:
        sample: the truth.
        inspection: what was found.
        kinds: the kinds looked for, without regard to case; none where only "defect or not"
            counts.

    Raises:
        EvaluationError: the two are of different sizes.
        MaskError: a mask does not fit its image.
    """
    if sample.size != inspection.size:
        raise EvaluationError(
            f"the image was labelled at {_times(sample.size)} and inspected at"
            f" {_times(inspection.size)} pixels",
            where=sample.id,
            remedy="Label and inspect the same file",
        )
    true = _by_kind(sample.defects or (), sample.size)
    found = _by_kind(inspection.defects, sample.size)
    any_kind = _counts(_whole(found.values(), sample.size), _whole(true.values(), sample.size))
    pixels = sample.size.height * sample.size.width
    if not kinds or UNNAMED in true:
        return PixelCounts(any_kind, None, 0, 0, pixels)
    empty = np.zeros(sample.size, dtype=bool)
    by_kind = np.zeros((len(kinds), 3), dtype=np.int64)
    wrong = found.get(UNNAMED, empty).copy()
    for place, kind in enumerate(name.casefold() for name in kinds):
        if kind in true or kind in found:
            its_found, its_true = found.get(kind, empty), true.get(kind, empty)
            by_kind[place] = _counts(its_found, its_true)
            wrong |= its_found ^ its_true
    right = pixels - int(np.count_nonzero(wrong))
    return PixelCounts(any_kind, by_kind, right, pixels - int(any_kind[TRUE]), pixels)


def _by_kind(defects: Iterable[Defect], size: Size) -> Mapping[str, Bools]:
    """Pixels of each kind shown, by its name in lower case; a box alone adds none."""
    runs: dict[str, list[Defect]] = {}
    for defect in defects:
        runs.setdefault(defect.kind.casefold(), []).append(defect)
    return {
        kind: union((d.mask for d in ones if d.mask is not None), size)
        for kind, ones in runs.items()
    }


def _whole(masks: Iterable[Bools], size: Size) -> Bools:
    whole = np.zeros(size, dtype=bool)
    for mask in masks:
        whole |= mask
    return whole


def _counts(found: Bools, true: Bools) -> Ints:
    return np.array([np.sum(found & true), np.sum(found), np.sum(true)], dtype=np.int64)


def _times(size: Size) -> str:
    return f"{size.height} x {size.width}"
