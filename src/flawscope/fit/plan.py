"""Which windows of an image a network is shown, and the image cut into them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.values import Box, InputFit, Size


@dataclass(frozen=True, slots=True)
class Plan:
    """How one image is shown to a network.

    Attributes:
        size: of the original image.
        scaled: its size after ``InputFit.scale`` and ``to_multiple``; the tiles are laid over this
            one.
        window: what the network is shown each time; every tile is padded to it.
        tiles: boxes in the scaled image that cover it, row by row. One for an image that fits
            into a window.
    """

    size: Size
    scaled: Size
    window: Size
    tiles: tuple[Box, ...]

    def cut(self, scaled: NDArray[np.uint8], tile: Box) -> NDArray[np.uint8]:
        """One tile of the scaled image, padded: (window height, window width, 3)."""
        return pad(scaled[tile.top : tile.bottom, tile.left : tile.right], self.window)


def plan_fit(size: Size, fit: InputFit) -> Plan:
    """The plan for an image of this size.

    A window holds at most the pixels of a square of side ``fit.tile`` (after scaling), so a strip
    is shown in one window that is longer than this. An image that does not fit into a window is
    covered by tiles, evenly spread, that share at least ``fit.overlap`` pixels with their
    neighbours. Sides that are cut into tiles need not be multiples of anything; sides under
    ``fit.smallest`` are padded.
    """
    scaled = Size(*(max(1, round(side * fit.scale)) for side in size))
    if fit.to_multiple == "resize":
        scaled = _resized(scaled, fit)
    longest = Size(*(_longest(across, fit) for across in reversed(scaled)))
    sides = tuple(zip(scaled, longest, strict=True))
    window = Size(*(min(_padded(side, fit), most) for side, most in sides))
    rows, columns = (_starts(side, most, fit) for side, most in sides)
    tiles = tuple(
        Box(
            left,
            top,
            min(left + window.width, scaled.width),
            min(top + window.height, scaled.height),
        )
        for top in rows
        for left in columns
    )
    return Plan(size, scaled, window, tiles)


def _resized(scaled: Size, fit: InputFit) -> Size:
    """Sides that a window holds, as the next multiples: a shrunken one would lose its grain."""
    longer = [_padded(side, fit) if side >= fit.smallest else side for side in scaled]
    longest = (_longest(across, fit) for across in reversed(longer))
    sides = zip(scaled, longer, longest, strict=True)
    return Size(*(long if long <= most else side for side, long, most in sides))


def _padded(side: int, fit: InputFit) -> int:
    return -(-max(side, fit.smallest) // fit.multiple) * fit.multiple


def _longest(across: int, fit: InputFit) -> int:
    """The longest side of a window, by the image's side across it."""
    fitting = fit.tile * fit.tile // min(_padded(across, fit), fit.tile)
    return fitting // fit.multiple * fit.multiple


def _starts(side: int, longest: int, fit: InputFit) -> list[int]:
    if side <= longest:
        return [0]
    count = -(-(side - fit.overlap) // (longest - fit.overlap))
    last = side - longest
    return [last * index // (count - 1) for index in range(count)]


def pad(image: NDArray[np.uint8], window: Size) -> NDArray[np.uint8]:
    """An image continued to the right and downwards by reflection, as often as it takes.

    Args:
        image: (height, width, 3) or (height, width), neither side longer than the window's.
        window: the size to reach.
    """
    height, width = image.shape[:2]
    if (height, width) == tuple(window):
        return np.ascontiguousarray(image)
    rows = _reflected(height, window.height)
    columns = _reflected(width, window.width)
    return image[rows[:, None], columns[None, :]]


def _reflected(length: int, wanted: int) -> NDArray[np.intp]:
    """Indices 0, 1 ... length-1, length-2 ... 1, 0, 1 ...: the edge itself is not repeated."""
    period = max(1, 2 * (length - 1))
    phase = np.arange(wanted) % period
    return np.minimum(phase, period - phase) if length > 1 else phase


def resize(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """An image at another size: pixels are averaged when it shrinks, interpolated when it grows."""
    if image.shape[:2] == tuple(size):
        return image
    shrinks = size.height * size.width < image.shape[0] * image.shape[1]
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(image, (size.width, size.height), interpolation=way)
    return np.asarray(resized, dtype=np.uint8)
