"""One labelled part twice: what is true of it, and beside it what was found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from flawscope.images import encode_image
from flawscope.report.comparing import named
from flawscope.report.lettering import Pen, words
from flawscope.report.overlay import outlined
from flawscope.report.palette import kind_colours
from flawscope.report.wording import percent
from flawscope.values import Defect, Sample

_SIDE = 480
_NARROWEST = 280
_GAP = 8
_LETTERS = 14
_LINE = 24
_PEN = Pen(_LETTERS, 2, 1)
_PAPER, _INK = "#f8f8f6", "#1b1c1e"


def side_by_side(
    sample: Sample,
    image: NDArray[np.uint8],
    found: Sequence[Defect],
    score: float,
    kinds: Sequence[str],
) -> bytes:
    """A PNG of a part with the true defects outlined and, to its right, with those found.

    Args:
        sample: the part.
        image: its photograph, RGB ``uint8`` (height, width, 3).
        found: in that photograph.
        score: probability that the part is defective.
        kinds: of the model, in whose order they are coloured.
    """
    known = [defect.kind for defect in (*found, *(sample.defects or ()))]
    colours = kind_colours([*kinds, *known])
    halves = (
        (sample.defects or (), f"truth: {named(sample.kinds, sample.label.value)}"),
        (
            found,
            f"found: {named([one.kind for one in found], 'nothing')} (defective: {percent(score)})",
        ),
    )
    panes = [
        _pane(image, [(defect, colours[defect.kind]) for defect in defects], text)
        for defects, text in halves
    ]
    width = sum(pane.width for pane in panes) + _GAP
    picture = Image.new("RGB", (width, panes[0].height), _PAPER)
    picture.paste(panes[0], (0, 0))
    picture.paste(panes[1], (panes[0].width + _GAP, 0))
    return encode_image(np.asarray(picture), ".png")


def _pane(image: NDArray[np.uint8], drawn: Sequence[tuple[Defect, str]], text: str) -> Image.Image:
    photograph = Image.fromarray(outlined(image, drawn, _SIDE, _PEN))
    pane = Image.new("RGB", (max(photograph.width, _NARROWEST), photograph.height + _LINE), _PAPER)
    pane.paste(photograph, (0, _LINE))
    line = words(text, _LETTERS, pane.width)
    ImageDraw.Draw(pane).text((0, _LINE / 2), line.text, _INK, line.font, anchor="lm")
    return pane
