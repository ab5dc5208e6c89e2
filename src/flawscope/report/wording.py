"""Figures as people read them."""

from __future__ import annotations

import math

NO_BREAK = "\N{NO-BREAK SPACE}"
NOTHING = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"


def percent(share: float) -> str:
    """``0.974`` as "97 %"; only exactly 0 and 1 are called 0 % and 100 %."""
    rounded = round(100 * share)
    if rounded == 100 and share < 1:
        return f">{NO_BREAK}99{NO_BREAK}%"
    if rounded == 0 and share > 0:
        return f"<{NO_BREAK}1{NO_BREAK}%"
    return f"{rounded}{NO_BREAK}%"


def figure(value: float | None, places: int = 3) -> str:
    """A score to so many decimal places, or a dash where there is none."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{places}f}"


def rate(value: float | None) -> str:
    """A rate in percent with one decimal: "2.1 %"."""
    return NOTHING if value is None or math.isnan(value) else f"{100 * value:.1f}{NO_BREAK}%"


def count(number: int, singular: str, plural: str | None = None) -> str:
    """ "1 part", "1,204 parts"."""
    word = singular if number == 1 else plural or f"{singular}s"
    return f"{number:,}{NO_BREAK}{word}"


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them: "8.4 ms", "2.31 s", "3 min 20 s"."""
    if seconds < 1:
        return f"{significant(1000 * seconds)}{NO_BREAK}ms"
    if seconds < 120:
        return f"{significant(seconds)}{NO_BREAK}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes:,}{NO_BREAK}min {rest}{NO_BREAK}s"


def significant(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, never in scientific notation."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(value: float) -> str:
    """A number for an axis or a narrow column; under a thousandth as a power of ten: "3e-4"."""
    if value == 0 or abs(value) >= 1e-3:
        return significant(value)
    mantissa, _, power = f"{value:.2e}".partition("e")
    return f"{float(mantissa):g}e{int(power)}"


def extent(longer: float, shorter: float, mm_per_pixel: float | None) -> str:
    """Length and width in pixels, in millimetres where the scale is known: "14 x 3 mm"."""
    if mm_per_pixel is None:
        return f"{longer:.0f} {TIMES} {shorter:.0f}{NO_BREAK}px"
    sides = (significant(side * mm_per_pixel, 2) for side in (longer, shorter))
    return f"{f' {TIMES} '.join(sides)}{NO_BREAK}mm"


def area(pixels: int, mm_per_pixel: float | None) -> str:
    """An area in pixels, in square millimetres where the scale is known."""
    if mm_per_pixel is None:
        return f"{pixels:,}{NO_BREAK}px²"
    return f"{significant(pixels * mm_per_pixel**2, 2)}{NO_BREAK}mm²"
