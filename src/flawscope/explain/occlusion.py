"""Occlusion: which places of an image, covered, lower an answer (Zeiler and Fergus 2014)."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.errors import ExplanationError
from flawscope.explain.heatmap import Heat, Heatmap, answer_channel
from flawscope.runtime import Inspector
from flawscope.values import Box

Told = Callable[[int, int], None]
"""Called with how many looks are done, and of how many."""

MOST_LOOKS = 2500
"""More looks at one image are refused."""

_PATCH = 0.2
"""Side of the patch, where none is given, as a share of the side of a square of the image's area:
one that does not cover a defect leaves it to be seen."""

_STEPS = 3
"""Places that a patch moves by before it has left where it was."""


def occlude(
    inspector: Inspector,
    image: NDArray[np.uint8],
    *,
    kind: str | None = None,
    patch: int | None = None,
    stride: int | None = None,
    told: Told | None = None,
) -> Heatmap:
    """By how much an answer's probability falls when a patch of the image is covered.

    The patch is filled smoothly from the pixels around it, so that no edge of its own looks like a
    defect. A place's heat is the fall when the patch is centred on it, linear in between; a rise
    counts as 0. Heat is relative to the largest fall, which is the heatmap's ``most``.

    Args:
        inspector: of any model; each look asks it as many questions as the answer needs.
        image: RGB uint8 (height, width, 3) of any size.
        kind: whose probability is watched; without one, the score.
        patch: side of the patch in pixels; default: a fifth of a square of the image's area,
            which comes to some 200 looks, 300 at most.
        stride: pixels that it moves by, at most ``patch``; default: a third of it.
        told: called after each look.

    Raises:
        ExplanationError: the model knows no such kind, or patch and stride make no sense or more
            than ``MOST_LOOKS`` looks.
        ImageError: the array is no such image.
        EngineError: the engine fails.
    """
    answer_channel(inspector.manifest, kind)
    score = _probability(inspector, image, kind)
    height, width = image.shape[:2]
    patch, stride = _sides(height, width, patch, stride)
    tops, lefts = (_starts(side, patch, stride) for side in (height, width))
    total = len(tops) * len(lefts)
    if total > MOST_LOOKS:
        raise ExplanationError(
            f"a patch of {patch} pixels every {stride} comes to {total:,} looks, over"
            f" {MOST_LOOKS:,}",
            where="stride",
            remedy="Give a larger patch and stride",
        )
    falls = np.zeros((len(tops), len(lefts)))
    for number in range(total):
        row, column = divmod(number, len(lefts))
        top, left = tops[row], lefts[column]
        box = Box(left, top, min(left + patch, width), min(top + patch, height))
        falls[row, column] = score - _probability(inspector, _covered(image, box, patch), kind)
        if told is not None:
            told(number + 1, total)
    falls = falls.clip(min=0.0)
    most = float(falls.max())
    heat = _spread(falls / most if most > 0 else falls, tops, lefts, (height, width), patch)
    return Heatmap("occlusion", kind, score, heat, most)


def _probability(inspector: Inspector, image: NDArray[np.uint8], kind: str | None) -> float:
    score, kinds = inspector.probabilities(image, kinds=kind is not None)
    return score if kind is None else kinds[kind]


def _sides(height: int, width: int, patch: int | None, stride: int | None) -> tuple[int, int]:
    if patch is None:
        patch = max(1, stride or 0, round(_PATCH * math.sqrt(height * width)))
    if stride is None:
        stride = max(1, round(patch / _STEPS))
    if not 1 <= stride <= patch:
        raise ExplanationError(
            f"a patch of {patch} pixels cannot move by {stride}",
            where="stride",
            remedy="Give a patch of 1 or more, and a stride from 1 to the patch",
        )
    return patch, stride


def _starts(length: int, patch: int, stride: int) -> list[int]:
    """Where patches start along a side, the last one flush with its end."""
    last = max(0, length - patch)
    return [*range(0, last, stride), last]


def _covered(image: NDArray[np.uint8], box: Box, patch: int) -> NDArray[np.uint8]:
    """The image with a box filled by weighted means of the pixels around it."""
    height, width = image.shape[:2]
    near = np.s_[
        max(0, box.top - patch) : min(height, box.bottom + patch),
        max(0, box.left - patch) : min(width, box.right + patch),
    ]
    top, left = near[0].start, near[1].start
    inside = np.s_[box.top - top : box.bottom - top, box.left - left : box.right - left]
    around = np.ones(image[near].shape[:2], dtype=np.float32)
    around[inside] = 0.0
    if not around.any():
        fill = np.broadcast_to(image.mean(axis=(0, 1)), image.shape)
    else:
        # A mean over what lies around alone (normalised convolution, Knutsson and Westin 1993).
        reach = (2 * patch + 1, 2 * patch + 1)
        known = cv2.blur(image[near] * around[:, :, None], reach, borderType=cv2.BORDER_CONSTANT)
        weight = cv2.blur(around, reach, borderType=cv2.BORDER_CONSTANT)
        fill = known / np.maximum(weight, 1e-6)[:, :, None]
    covered = image.copy()
    covered[near][inside] = (fill[inside] + 0.5).clip(0, 255).astype(np.uint8)
    return covered


def _spread(
    falls: NDArray[np.float64],
    tops: list[int],
    lefts: list[int],
    size: tuple[int, int],
    patch: int,
) -> Heat:
    """Values at the patches' centres, linear in between, over the image (height, width)."""
    across, down = (
        (np.array(starts) + (min(patch, side) - 1) / 2, np.arange(side))
        for starts, side in ((tops, size[0]), (lefts, size[1]))
    )
    columns = np.stack([np.interp(across[1], across[0], column) for column in falls.T], axis=1)
    heat = np.stack([np.interp(down[1], down[0], row) for row in columns])
    return heat.astype(np.float32)
