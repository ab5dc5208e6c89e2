"""Colours of kinds and verdicts, the same in pictures and on pages.

The colours of kinds are Okabe and Ito's (2008), which people with any common colour blindness
tell apart; names stand beside them everywhere, so that no meaning hangs on colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from flawscope.values import UNNAMED, Verdict

KIND_COLOURS = ("#e69f00", "#56b4e9", "#cc79a7", "#009e73", "#f0e442", "#d55e00", "#0072b2")
"""In the order of a model's kinds; an eighth kind starts again at the first."""

UNNAMED_COLOUR = "#ffffff"
"""Of a defect that no known kind explains."""

TRUTH_COLOUR = "#56b4e9"
FOUND_COLOUR = "#e69f00"
"""Where truth and prediction are compared, colour says which of the two, not which kind."""

VERDICT_COLOURS = {
    Verdict.REJECT: "#b3261e",
    Verdict.REVIEW: "#8a5a00",
    Verdict.ACCEPT: "#00695f",
}
"""Dark enough for white letters (contrast at least 4.5)."""


def kind_colours(kinds: Iterable[str]) -> dict[str, str]:
    """A colour ``#rrggbb`` for each kind by its place among ``kinds``, and for ``UNNAMED``."""
    named = dict.fromkeys(kind for kind in kinds if kind != UNNAMED)
    colours = {kind: KIND_COLOURS[i % len(KIND_COLOURS)] for i, kind in enumerate(named)}
    return colours | {UNNAMED: UNNAMED_COLOUR}


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0-255, of ``#rrggbb``."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def ink_on(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour (WCAG 2 relative luminance)."""
    shares = (value / 255 for value in rgb(colour))
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#ffffff"
