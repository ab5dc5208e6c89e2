"""The labels of one image while they are read: boxes, polygons, masks, and those that were lost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from flawscope.data.gathering import Gathering, defects_in
from flawscope.masks import bounding_box, encode_at, from_polygons
from flawscope.values import UNNAMED, Box, Defect, ProblemCode, Size

Polygon = NDArray[np.float64]


class Marks:
    """Collects the defects of one image; one that cannot be placed leaves all places unknown.

    A label whose place is lost must not make its image look clean there, so such an image keeps
    its kinds and nothing else.

    Args:
        gathering: where the sample and its problems go.
        image: the image's relative path.
        size: the image's size.
        where: the label file, for problems.

    Attributes:
        called: which label of the file is being read, for problems.
    """

    def __init__(self, gathering: Gathering, image: str, size: Size, where: str) -> None:
        self._gathering = gathering
        self._image = image
        self._size = size
        self._where = where
        self._defects: list[Defect] = []
        self._lost: set[str] = set()
        self.called = ""

    def lose(self, kind: str, what: str, code: ProblemCode = ProblemCode.UNUSABLE_LABEL) -> None:
        """Notes a label that cannot be placed, for the reason ``what``."""
        self._note(what, code)
        self._lost.add(kind)

    def lose_misfit(self, kind: str, stated: Size) -> None:
        """Notes a label that was made for an image of another size, which it states."""
        self.lose(
            kind,
            f"is for {stated.width} x {stated.height} pixels, the image is"
            f" {self._size.width} x {self._size.height}",
            ProblemCode.SIZE_MISMATCH,
        )

    def _note(self, what: str, code: ProblemCode = ProblemCode.UNUSABLE_LABEL) -> None:
        self._gathering.note(self._where, f"{self.called}: {what}" if self.called else what, code)

    def box(self, kind: str, corners: Sequence[float]) -> None:
        """Adds a box: left, top, right, bottom in pixels, half-open, rounded to whole ones."""
        box = rounded_box(corners)
        if box is None:
            self.lose(kind, f"a box of {kind} has no extent ({_listed(corners)})")
        elif (inside := clipped(box, self._size)) is None:
            self.lose(kind, f"a box of {kind} lies outside its image ({_listed(corners)})")
        else:
            if inside != box:
                self._note(f"a box of {kind} was clipped to its image ({_listed(corners)})")
            self._defects.append(Defect(kind, inside))

    def polygons(self, kind: str, polygons: Sequence[Polygon]) -> None:
        """Adds one defect of all pixels in any of the polygons, each (n, 2) of x, y in pixels.

        Where they cover no pixel's centre, as a line does, the box around them is kept alone.
        """
        box = self._around(kind, polygons)
        if box is None:
            return
        inside = Size(box.height, box.width)
        pixels = np.zeros(inside, dtype=bool)
        for polygon in polygons:
            pixels |= from_polygons([polygon - (box.left, box.top)], inside)
        tight = bounding_box(pixels)
        if tight is None:
            self._note(f"a polygon of {kind} covers no pixel; only its box is used")
            self._defects.append(Defect(kind, box))
        else:
            self._defects.append(_placed(kind, pixels, box, tight, self._size))

    def around(self, kind: str, points: Polygon) -> None:
        """Adds the box around points (n, 2) of x, y in pixels that enclose no area, as a line's."""
        box = self._around(kind, [points])
        if box is not None:
            self._defects.append(Defect(kind, box))

    def _around(self, kind: str, shapes: Sequence[Polygon]) -> Box | None:
        """The box of whole pixels around all points; the label is lost where there is none."""
        points = np.concatenate(shapes) if shapes else np.empty((0, 2))
        if not len(points) or not np.isfinite(points).all():
            self.lose(kind, f"a shape of {kind} has no usable points")
            return None
        low = np.floor(points.min(axis=0))
        high = np.maximum(np.ceil(points.max(axis=0)), low + 1)
        box = clipped(Box(*(int(value) for value in (*low, *high))), self._size)
        if box is None:
            self.lose(kind, f"a shape of {kind} lies outside its image")
        return box

    def mask(self, kind: str, mask: NDArray[np.bool_]) -> None:
        """Adds one defect of the pixels set in a boolean mask of the whole image."""
        tight = bounding_box(mask)
        if tight is None:
            self.lose(kind, f"a mask of {kind} is empty", ProblemCode.EMPTY_MASK)
        else:
            whole = Box(0, 0, self._size.width, self._size.height)
            self._defects.append(_placed(kind, mask, whole, tight, self._size))

    def pieces(self, kind: str, mask: NDArray[np.bool_]) -> None:
        """Adds a defect for each 8-connected piece of a boolean mask of the whole image."""
        self._defects += defects_in(mask, kind)

    def forget_places(self) -> None:
        """Leaves all places unknown, for a reason that was noted already."""
        self._lost.add(UNNAMED)

    def finish(self, split: str | None = None) -> None:
        """Adds the sample to the gathering."""
        if not self._lost:
            self._gathering.add_located(self._image, self._size, self._defects, split=split)
            return
        kinds = self._lost | {defect.kind for defect in self._defects}
        named = None if UNNAMED in kinds else kinds
        self._gathering.add_defective(self._image, self._size, named, split=split)


def rounded_box(corners: Sequence[float]) -> Box | None:
    """The box of whole pixels nearest to left, top, right, bottom; ``None`` without extent."""
    if not all(math.isfinite(value) for value in corners):
        return None
    left, top, right, bottom = corners
    if right <= left or bottom <= top:
        return None
    x, y = math.floor(left + 0.5), math.floor(top + 0.5)
    return Box(x, y, max(x + 1, math.floor(right + 0.5)), max(y + 1, math.floor(bottom + 0.5)))


def clipped(box: Box, size: Size) -> Box | None:
    """The part of a box that lies in an image; ``None`` where none does."""
    inside = Box(
        max(0, box.left), max(0, box.top), min(size.width, box.right), min(size.height, box.bottom)
    )
    return inside if inside.width > 0 and inside.height > 0 else None


def _placed(kind: str, pixels: NDArray[np.bool_], box: Box, tight: Box, size: Size) -> Defect:
    """A defect of the pixels of ``box``; ``tight`` bounds those set, inside it."""
    left, top, right, bottom = tight
    place = Box(box.left + left, box.top + top, box.left + right, box.top + bottom)
    return Defect(kind, place, encode_at(pixels[top:bottom, left:right], place, size))


def _listed(corners: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in corners)
