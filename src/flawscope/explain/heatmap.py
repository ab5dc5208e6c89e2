"""A heatmap, and where it is hottest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flawscope.errors import ExplanationError
from flawscope.masks import components
from flawscope.values import Box, Manifest

Heat = NDArray[np.float32]

_HOT = 0.5
"""The hottest region is where the heat is at least this share of its highest."""


@dataclass(frozen=True, slots=True)
class Hottest:
    """Where a heatmap is hottest.

    Attributes:
        x: column of its peak.
        y: row of its peak.
        box: half-open, of the region around the peak that is at least half as hot.
    """

    x: int
    y: int
    box: Box


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Which places of an image speak for one answer.

    Attributes:
        method: ``cam``, ``gradcam`` or ``occlusion``.
        kind: the kind whose answer it explains; ``None`` for "any defect at all".
        score: probability in [0, 1] of that answer.
        heat: float32 (height, width) of the image, 0 to 1; 0 everywhere where nothing speaks for
            the answer.
        most: the probability that a heat of 1 stands for: with ``cam`` that of the answer at that
            place, with ``occlusion`` by how much the answer's falls without it. ``None`` where
            heat is relative to the image's highest and to nothing else.
    """

    method: str
    kind: str | None
    score: float
    heat: Heat
    most: float | None

    @property
    def hottest(self) -> Hottest | None:
        """Where it is hottest; ``None`` where it is 0 everywhere."""
        return hottest(self.heat)


def hottest(heat: Heat) -> Hottest | None:
    """Where a map (height, width) is highest; ``None`` where nothing is over 0.

    Of several highest pixels, the one nearest to the middle of all of them is the peak.
    """
    highest = float(heat.max())
    if not highest > 0:
        return None
    ties = np.argwhere(heat == highest)
    middle = np.sum((ties - ties.mean(axis=0)) ** 2, axis=1).argmin()
    y, x = (int(place) for place in ties[middle])
    for piece in components(heat >= _HOT * highest):
        box = piece.box
        inside = box.top <= y < box.bottom and box.left <= x < box.right
        if inside and piece.pixels[y - box.top, x - box.left]:
            return Hottest(x, y, box)
    raise AssertionError("the peak is at least half as hot as itself")


def answer_channel(manifest: Manifest, kind: str | None) -> int:
    """The answer's place among a model's: 0 for "any defect at all", else 1 and the kind's.

    Raises:
        ExplanationError: the model knows no such kind.
    """
    if kind is None:
        return 0
    if kind not in manifest.kinds:
        known = ", ".join(manifest.kinds)
        raise ExplanationError(
            f"the model knows no kind {kind!r}",
            where="kind",
            remedy=f"Choose from {known}" if known else "It names no kinds: leave it out",
        )
    return 1 + manifest.kinds.index(kind)
