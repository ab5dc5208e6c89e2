"""A picture for people of a heatmap: the photograph, and beside it the heat laid over it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from flawscope.report.lettering import Pen, words
from flawscope.report.overlay import enlarged, enlargement
from flawscope.report.palette import rgb
from flawscope.report.pictures import heat_layer, shrunk

_LONGEST = 1600
"""Side of a panel in pixels, at most."""

_WIDE = 1.6
"""Photographs wider than this times their height stand above one another."""

_NARROWEST = 480
_PAPER, _INK, _BAND, _METAL = "#f8f8f6", "#1b1c1e", "#2b2d31", "#8c8f94"


def heat_picture(
    image: NDArray[np.uint8],
    heat: NDArray[np.float32],
    *,
    title: str,
    caption: str,
    ends: tuple[str, str],
) -> NDArray[np.uint8]:
    """The photograph and the heat over it, side by side or, of a wide one, one above the other.

    Where there is no heat the photograph stays as it is; the more heat, the less of it is seen.
    Small photographs are enlarged by a whole number, large ones brought down to 1600 pixels.

    Args:
        image: RGB ``uint8`` (height, width, 3), which stays unchanged.
        heat: float32 (height, width), 0 to 1.
        title: what is explained, in the band above.
        caption: what heat means, above the scale.
        ends: what no heat and a heat of 1 stand for, at the ends of the scale.

    Returns:
        RGB ``uint8`` with a band above and a scale below.
    """
    photograph, warm = _panels(image, heat)
    pen = Pen.for_size(*photograph.shape[:2])
    gap = max(4, pen.letters // 2)
    aside = photograph.shape[1] <= _WIDE * photograph.shape[0]
    height, width = photograph.shape[:2]
    between = np.full((height, gap, 3) if aside else (gap, width, 3), rgb(_PAPER), dtype=np.uint8)
    pictures = (np.hstack if aside else np.vstack)([photograph, between, warm])
    pictures = _widened(pictures)
    width = pictures.shape[1]
    return np.vstack([_band(title, width, pen), pictures, _scale(caption, ends, width, pen)])


def _widened(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures in the middle of a sheet that is wide enough for the words."""
    height, width = pictures.shape[:2]
    if width >= _NARROWEST:
        return pictures
    sheet = np.full((height, _NARROWEST, 3), rgb(_PAPER), dtype=np.uint8)
    left = (_NARROWEST - width) // 2
    sheet[:, left : left + width] = pictures
    return sheet


def laid_over(image: NDArray[np.uint8], layer: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image (h, w, 3) under a layer (h, w, 4) with opacity."""
    opacity = layer[:, :, 3:].astype(np.float32) / 255
    mixed = image * (1 - opacity) + layer[:, :, :3] * opacity
    return np.asarray(mixed + 0.5, dtype=np.uint8)


def _panels(
    image: NDArray[np.uint8], heat: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    photograph = shrunk(image, _LONGEST)
    photograph = enlarged(photograph, enlargement(*photograph.shape[:2]))
    height, width = photograph.shape[:2]
    # The heat is smooth, so that it is enlarged without steps.
    smooth = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    finer = np.asarray(smooth, dtype=np.float32)
    return photograph, laid_over(photograph, heat_layer(finer, max(height, width)))


def _band(title: str, width: int, pen: Pen) -> NDArray[np.uint8]:
    letters = round(pen.letters * 1.15)
    band = Image.new("RGB", (width, round(letters * 1.9)), _BAND)
    line = words(title, letters, width - letters)
    draw = ImageDraw.Draw(band)
    draw.text((letters / 2, band.height / 2), line.text, "#ffffff", line.font, anchor="lm")
    return np.asarray(band)


def _scale(caption: str, ends: tuple[str, str], width: int, pen: Pen) -> NDArray[np.uint8]:
    """A strip with what heat means, and a bar of its colours as they look over grey metal."""
    letters = pen.letters
    strip = Image.new("RGB", (width, round(letters * 3.6)), _PAPER)
    draw = ImageDraw.Draw(strip)
    said = words(caption, letters, width - letters)
    draw.text((letters / 2, letters), said.text, _INK, said.font, anchor="lm")
    low, high = (words(end, letters, width / 3) for end in ends)
    left, middle = letters // 2, round(letters * 2.5)
    draw.text((left, middle), low.text, _INK, low.font, anchor="lm")
    start = left + low.width + letters // 2
    length = max(2, min(letters * 16, width - start - high.width - letters))
    bar = _bar(length, letters)
    strip.paste(Image.fromarray(bar), (start, middle - letters // 2))
    draw.text((start + length + letters // 2, middle), high.text, _INK, high.font, anchor="lm")
    return np.asarray(strip)


def _bar(length: int, height: int) -> NDArray[np.uint8]:
    heat = np.tile(np.linspace(0, 1, length, dtype=np.float32), (height, 1))
    metal = np.full((height, length, 3), rgb(_METAL), dtype=np.uint8)
    return laid_over(metal, heat_layer(heat, length))
