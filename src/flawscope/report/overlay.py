"""A picture of one part for people: its defects outlined and named, the verdict above."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from flawscope.report.lettering import Pen, words
from flawscope.report.palette import VERDICT_COLOURS, ink_on, kind_colours, rgb
from flawscope.report.pictures import pixels_in_box, shrunk
from flawscope.report.wording import percent
from flawscope.values import Box, Defect, Inspection

Pixel = TypeVar("Pixel", bound=np.generic)

MOST_LABELS = 24
"""More names than this hide the part; the surest defects are named, all are outlined."""

_SHORTEST_SIDE = 240
_LONGEST_ENLARGED = 2000
_MOST_ENLARGED = 8


def enlargement(height: int, width: int) -> int:
    """The whole number by which a small picture is enlarged so that letters fit beside it."""
    wanted = math.ceil(_SHORTEST_SIDE / max(1, min(height, width)))
    room = _LONGEST_ENLARGED // max(1, height, width)
    return max(1, min(wanted, room, _MOST_ENLARGED))


def enlarged(image: NDArray[Pixel], factor: int) -> NDArray[Pixel]:
    """Every pixel repeated ``factor`` times both ways: nothing is invented between pixels."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def overlay(image: NDArray[np.uint8], inspection: Inspection) -> NDArray[np.uint8]:
    """A picture of an inspection: a verdict band above the part, its defects outlined and named.

    Outlines run around the defects' pixels, which stay as they were photographed. A picture with
    a short side under 240 pixels is enlarged by a whole number, its pixels repeated.

    Args:
        image: RGB ``uint8`` (height, width, 3), which stays unchanged.
        inspection: of that image.

    Returns:
        RGB ``uint8`` (band + height * factor, width * factor, 3).
    """
    factor = enlargement(*image.shape[:2])
    canvas = enlarged(image, factor)
    pen = Pen.for_size(*canvas.shape[:2])
    colours = kind_colours([*inspection.kinds, *(defect.kind for defect in inspection.defects)])
    for defect in reversed(inspection.defects):
        pixels = enlarged(pixels_in_box(defect), factor)
        corner = (defect.box.left * factor, defect.box.top * factor)
        draw_outline(canvas, pixels, corner, colours[defect.kind], pen)
    _draw_labels(canvas, inspection.defects, colours, pen, factor)
    return np.vstack([_band(inspection, canvas.shape[1], pen), canvas])


def draw_outline(
    canvas: NDArray[np.uint8],
    pixels: NDArray[np.bool_],
    corner: tuple[int, int],
    colour: str,
    pen: Pen,
) -> None:
    """Draws an outline around a defect's pixels, and on none of them.

    Args:
        canvas: RGB (height, width, 3), drawn on.
        pixels: the defect inside its box, at the canvas's scale.
        corner: left and top of that box on the canvas.
        colour: of the line.
        pen: its thickness.
    """
    margin = pen.line + pen.edge
    inside = np.pad(pixels.astype(np.uint8), margin)
    line = cv2.dilate(inside, _disc(pen.line))
    edge = cv2.dilate(line, _disc(pen.edge))
    left, top = corner[0] - margin, corner[1] - margin
    height, width = canvas.shape[:2]
    rows = slice(max(0, top), min(height, top + inside.shape[0]))
    columns = slice(max(0, left), min(width, left + inside.shape[1]))
    cut = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    view = canvas[rows, columns]
    view[(edge > line)[cut]] = view[(edge > line)[cut]] // 4
    view[(line > inside)[cut]] = rgb(colour)


def outlined(
    image: NDArray[np.uint8], drawn: Iterable[tuple[Defect, str]], longest: int, pen: Pen
) -> NDArray[np.uint8]:
    """A photograph with defects outlined, each in a colour, those drawn last on top.

    Args:
        image: RGB ``uint8`` (height, width, 3), which stays unchanged.
        drawn: defects and colours ``#rrggbb``.
        longest: a photograph with a longer side is brought down to it.
        pen: for the lines.
    """
    canvas = shrunk(image, longest).copy()
    scale = canvas.shape[0] / image.shape[0]
    for defect, colour in drawn:
        pixels = pixels_in_box(defect)
        sides = [max(1, round(side * scale)) for side in (pixels.shape[1], pixels.shape[0])]
        smaller = cv2.resize(pixels.astype(np.float32), sides, interpolation=cv2.INTER_AREA) > 0
        corner = (round(defect.box.left * scale), round(defect.box.top * scale))
        draw_outline(canvas, smaller, corner, colour, pen)
    return canvas


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), dtype=np.uint8)


def _draw_labels(
    canvas: NDArray[np.uint8],
    defects: tuple[Defect, ...],
    colours: dict[str, str],
    pen: Pen,
    factor: int,
) -> None:
    picture = Image.fromarray(canvas)
    draw = ImageDraw.Draw(picture)
    taken: list[Box] = []
    boxes = [Box(*(side * factor for side in defect.box)) for defect in defects]
    for defect, box in zip(defects[:MOST_LABELS], boxes, strict=False):
        room = canvas.shape[1] - pen.letters
        name = words(f"{defect.kind} {percent(defect.score)}", pen.letters, room)
        label = (name.width + pen.letters // 2, round(pen.letters * 1.3))
        place = _place(box, label, canvas.shape, pen, [*taken, *boxes])
        colour = colours[defect.kind]
        draw.rectangle((place.left, place.top, place.right - 1, place.bottom - 1), fill=colour)
        middle = ((place.left + place.right) / 2, (place.top + place.bottom) / 2)
        draw.text(middle, name.text, ink_on(colour), name.font, anchor="mm")
        taken.append(place)
    canvas[:] = np.asarray(picture)


def _place(
    box: Box, label: tuple[int, int], shape: tuple[int, ...], pen: Pen, taken: list[Box]
) -> Box:
    """Where a label goes: the first free place around its defect, else where it covers least."""
    width, height = label
    gap = pen.line + pen.edge
    corners = [
        (box.left - gap, box.top - gap - height),
        (box.left - gap, box.bottom + gap),
        (box.right + gap - width, box.top - gap - height),
        (box.right + gap - width, box.bottom + gap),
        (box.right + gap, box.top),
        (box.left - gap - width, box.top),
    ]
    places = []
    for left, top in corners:
        left = max(0, min(left, shape[1] - width))
        top = max(0, min(top, shape[0] - height))
        places.append(Box(left, top, left + width, top + height))
    return min(places, key=lambda place: sum(_common(place, other) for other in taken))


def _common(first: Box, second: Box) -> int:
    """Pixels that two boxes share."""
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    return max(0, width) * max(0, height)


def _band(inspection: Inspection, width: int, pen: Pen) -> NDArray[np.uint8]:
    colour = VERDICT_COLOURS[inspection.verdict]
    letters = round(pen.letters * 1.15)
    band = Image.new("RGB", (width, round(letters * 1.9)), colour)
    said = [f"{inspection.verdict.upper()}  {percent(inspection.score)}", *inspection.reasons[:1]]
    line = words("    ".join(said), letters, width - letters)
    middle = (letters / 2, band.height / 2)
    ImageDraw.Draw(band).text(middle, line.text, ink_on(colour), line.font, anchor="lm")
    return np.asarray(band)
