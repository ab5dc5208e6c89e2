"""One picture of many labelled parts with what a model found on them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from flawscope.report.comparing import Comparison, named
from flawscope.report.lettering import Pen, words
from flawscope.report.overlay import outlined
from flawscope.report.palette import FOUND_COLOUR, TRUTH_COLOUR, VERDICT_COLOURS
from flawscope.report.wording import percent

_SIDE = 232
_GAP = 12
_LETTERS = 13
_LINE = 18
_PEN = Pen(_LETTERS, 1, 1)
_PAPER, _INK, _SOFT, _WELL = "#f8f8f6", "#1b1c1e", "#5a5d63", "#ececea"


def validation_picture(
    comparisons: Iterable[Comparison], *, columns: int = 4, most: int = 16
) -> bytes:
    """A PNG of labelled parts, what is true and what was found outlined, that a model carries.

    It is bounded: at most ``most`` parts of 232 pixels a side, in 256 colours.

    Args:
        comparisons: taken one at a time, so that they need not all be in memory.
        columns: of the sheet.
        most: parts shown, the first ones.

    Raises:
        ValueError: there is no part to show.
    """
    tiles = [_tile(comparison) for comparison in islice(comparisons, most)]
    if not tiles:
        raise ValueError("a picture of validation results needs at least one part")
    sheet = _sheet(tiles, min(columns, len(tiles)))
    stream = io.BytesIO()
    sheet.quantize(256, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _sheet(tiles: Sequence[Image.Image], columns: int) -> Image.Image:
    across, down = _SIDE + _GAP, tiles[0].height + _GAP
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * across + _GAP, rows * down + _GAP + _LINE + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    left = _GAP
    for colour, name in ((TRUTH_COLOUR, "truth"), (FOUND_COLOUR, "found")):
        draw.rectangle((left, _GAP + 6, left + 20, _GAP + 9), fill=colour)
        text = words(name, _LETTERS, _SIDE)
        draw.text((left + 26, _GAP + 8), text.text, _INK, text.font, anchor="lm")
        left += 26 + text.width + 18
    for place, tile in enumerate(tiles):
        row, column = divmod(place, columns)
        sheet.paste(tile, (_GAP + column * across, 2 * _GAP + _LINE + row * down))
    return sheet


def _tile(comparison: Comparison) -> Image.Image:
    """A part with its outlines above three lines of words."""
    sample, inspection = comparison.sample, comparison.examination.inspection
    picture = Image.fromarray(_outlined(comparison))
    tile = Image.new("RGB", (_SIDE, _SIDE + 3 * _LINE + 6), _PAPER)
    tile.paste(_WELL, (0, 0, _SIDE, _SIDE))
    tile.paste(picture, ((_SIDE - picture.width) // 2, (_SIDE - picture.height) // 2))
    lines = (
        (f"{inspection.verdict}, {percent(inspection.score)}", VERDICT_COLOURS[inspection.verdict]),
        (f"truth: {named(sample.kinds, sample.label.value)}", _INK),
        (f"found: {named([d.kind for d in inspection.defects], 'nothing')}", _SOFT),
    )
    draw = ImageDraw.Draw(tile)
    for number, (text, colour) in enumerate(lines):
        line = words(text, _LETTERS, _SIDE)
        middle = _SIDE + 6 + number * _LINE + _LINE / 2
        draw.text((0, middle), line.text, colour, line.font, anchor="lm")
    return tile


def _outlined(comparison: Comparison) -> NDArray[np.uint8]:
    """The photograph, brought down to the tile, with both outlines; truth is drawn last."""
    examination = comparison.examination
    drawn = [(defect, FOUND_COLOUR) for defect in examination.inspection.defects]
    drawn += [(defect, TRUTH_COLOUR) for defect in comparison.sample.defects or ()]
    return outlined(examination.image, drawn, _SIDE, _PEN)
