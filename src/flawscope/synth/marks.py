"""What a defect does to the metal around it, before any light falls on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flawscope.synth.light import Colours, Surface
from flawscope.synth.noise import Field


@dataclass(frozen=True, slots=True)
class Mark:
    """One defect as a change of a surface, in its own small window.

    Attributes:
        height: added to the surface's, in pixels towards the camera.
        shade: natural logarithm of what the albedo is multiplied by: (height, width, 3).
        matte: 0 where the surface keeps its texture and gloss, 1 where it has neither.
        lost: 1 where the metal is gone and the picture shows what is behind.
        core: pixels that belong to the defect wherever their surroundings show it.
    """

    height: Field
    shade: Colours
    matte: Field
    lost: Field
    core: NDArray[np.bool_]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of its window."""
        rows, columns = self.height.shape
        return rows, columns

    def stronger(self, factor: float) -> Mark:
        """The same mark, cut deeper and shaded more."""
        return replace(
            self,
            height=self.height * np.float32(factor),
            shade=self.shade * np.float32(factor),
            matte=np.minimum(self.matte * np.float32(factor), 1.0),
        )

    def greyed(self) -> Mark:
        """The same mark for a picture without colours."""
        red, green, blue = (self.shade[:, :, band] for band in range(3))
        mean = (red + green + blue) / np.float32(3.0)
        return replace(self, shade=np.repeat(mean[:, :, None], 3, axis=2))

    def cut(self, top: int, left: int, rows: int, columns: int) -> Mark:
        """The piece of it that falls into a picture."""
        window = np.s_[top : top + rows, left : left + columns]
        return Mark(
            self.height[window],
            self.shade[window],
            self.matte[window],
            self.lost[window],
            self.core[window],
        )


def mark(
    *,
    height: Field,
    core: NDArray[np.bool_],
    shade: Field | Colours | None = None,
    matte: Field | None = None,
    lost: Field | None = None,
) -> Mark:
    """A mark; what is not named does not change, and a shade without colours is grey."""
    none = np.zeros(height.shape, dtype=np.float32)
    if shade is None:
        shade = none
    if shade.ndim == 2:
        shade = np.repeat(shade[:, :, None], 3, axis=2)
    return Mark(
        height.astype(np.float32),
        shade.astype(np.float32),
        none if matte is None else matte.astype(np.float32),
        none if lost is None else lost.astype(np.float32),
        core,
    )


MATTE_SPREAD = 0.6
"""Standard deviation of the slopes of facets where a mark leaves no gloss."""


def marked(surface: Surface, mark: Mark) -> Surface:
    """A piece of a surface with a mark of its size on it."""
    keep = 1.0 - mark.matte
    along, across = surface.spread
    return replace(
        surface,
        height=surface.height * keep + mark.height,
        spread=(
            along * keep + MATTE_SPREAD * mark.matte,
            across * keep + MATTE_SPREAD * mark.matte,
        ),
        albedo=surface.albedo * np.exp(mark.shade),
        solid=surface.solid * (1.0 - mark.lost),
    )
