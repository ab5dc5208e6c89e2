"""How alike two reduced images are, whatever light they were taken in."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.data.audit.looks import Grey

Plane = NDArray[np.float32]

_TEMPLATE_SHARE = 0.75
_SMALLEST_TEMPLATE = 8
_NULL_PAIRS = 1000
_SPREADS = 4.0


def evened(grey: Grey, radius: float = 4.0) -> Plane:
    """An image with light and contrast evened out: float32, of the same shape.

    The logarithm turns exposure into an offset; each pixel is then compared with its surroundings
    within about ``radius`` pixels, in units of their spread.
    """
    values = np.log1p(grey.astype(np.float32))
    detail = values - cv2.GaussianBlur(values, (0, 0), radius)
    spread = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 2.0 * radius))
    return np.asarray(detail / (spread + 0.02), np.float32)


def likeness(first: Plane, second: Plane) -> float:
    """Best correlation, in [-1, 1], of the middle of ``first`` anywhere in ``second``.

    Both are of one scale; crops may differ by an eighth of the smaller side's length.
    """
    height = int(min(first.shape[0], second.shape[0]) * _TEMPLATE_SHARE)
    width = int(min(first.shape[1], second.shape[1]) * _TEMPLATE_SHARE)
    if min(height, width) < _SMALLEST_TEMPLATE:
        return -1.0
    top, left = (first.shape[0] - height) // 2, (first.shape[1] - width) // 2
    middle = first[top : top + height, left : left + width]
    return float(cv2.matchTemplate(second, middle, cv2.TM_CCOEFF_NORMED).max())


def unlikely(
    count: int,
    compare: Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float32]],
    *,
    low: float,
    high: float,
) -> float:
    """The likeness that pairs drawn at random do not reach, within [low, high].

    Where all images look alike (one part in one fixture), only a very high likeness says anything;
    where none do, a modest one does. Quartiles are used because copies among the random pairs
    must not raise the bar that is to find them.

    Args:
        count: number of images.
        compare: likeness of pairs, given as two arrays of indices.
        low: floor of the answer.
        high: ceiling of the answer.
    """
    if count * count > 2 * _NULL_PAIRS:
        rng = np.random.default_rng(0)
        first, second = rng.integers(0, count, (2, _NULL_PAIRS))
        first, second = first[first != second], second[first != second]
    else:
        first, second = np.triu_indices(count, 1)
    if not len(first):
        return high
    quarter, half, three = np.quantile(compare(first, second), (0.25, 0.5, 0.75))
    return float(np.clip(half + _SPREADS * (three - quarter), low, high))
