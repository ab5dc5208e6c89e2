"""How well a heatmap names the place of a defect that somebody drew.

A heatmap shows what an answer rests on. Whether that is where the defect is, is another question,
and these figures ask it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flawscope.explain.heatmap import Heat, hottest

Mask = NDArray[np.bool_]


def points_at(heat: Heat, mask: Mask, tolerance: float = 0.0) -> bool:
    """The pointing game (Zhang et al. 2016): whether the peak lies on the defect.

    Args:
        heat: (height, width), not below 0.
        mask: boolean (height, width), the defect; at least one pixel is set.
        tolerance: pixels from the defect's nearest one that still count; the paper allows 15.

    Returns:
        False too where there is no heat at all.
    """
    _refuse_misfit(heat, mask)
    peak = hottest(heat)
    if peak is None:
        return False
    rows, columns = np.nonzero(mask)
    nearest = np.min((rows - peak.y) ** 2 + (columns - peak.x) ** 2)
    return bool(nearest <= tolerance**2)


def share_inside(heat: Heat, mask: Mask) -> float:
    """The share of all heat that lies on the defect (Wang et al. 2020); 0 without any heat.

    Args:
        heat: (height, width), not below 0.
        mask: boolean (height, width), the defect; at least one pixel is set.
    """
    _refuse_misfit(heat, mask)
    total = float(heat.sum(dtype=np.float64))
    return float(heat[mask].sum(dtype=np.float64)) / total if total > 0 else 0.0


def best_iou(heat: Heat, mask: Mask) -> tuple[float, float]:
    """The highest intersection over union that any threshold gets, and that threshold.

    The threshold is chosen with the truth at hand, image by image, which flatters every method:
    it is the most that could be had from the heatmap, not what one would have.

    Args:
        heat: (height, width), not below 0; pixels of at least the threshold count as found.
        mask: boolean (height, width), the defect; at least one pixel is set.

    Returns:
        Both 0.0 where there is no heat at all.
    """
    _refuse_misfit(heat, mask)
    warm = heat > 0
    order = np.argsort(-heat[warm], kind="stable")
    if not order.size:
        return 0.0, 0.0
    values = heat[warm][order]
    both = np.cumsum(mask[warm][order])
    found = np.arange(1, values.size + 1)
    iou = both / (found + np.count_nonzero(mask) - both)
    # Pixels of one heat are found together.
    last = np.flatnonzero(np.append(values[1:] < values[:-1], True))
    best = last[iou[last].argmax()]
    return float(iou[best]), float(values[best])


def _refuse_misfit(heat: Heat, mask: Mask) -> None:
    if heat.shape != mask.shape or not mask.any():
        raise ValueError(
            f"a heatmap {heat.shape} is judged by a mask of its size with pixels set, not by one"
            f" {mask.shape} with {np.count_nonzero(mask)}"
        )
