"""Why a part got its verdict, in words that a line operator understands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from flawscope.masks import decode_at, length_and_width
from flawscope.runtime.cascade import rule_for
from flawscope.values import UNNAMED, Box, Defect, Policy, Size, Verdict

_MOST_PLACES = 5
_MOST_NAMES = 3
_SAME_PLACE = 0.5
"""Boxes that share so much of what they cover together are told as one place."""

_TIMES = "\N{MULTIPLICATION SIGN}"

_PLACES = (
    ("in the top left corner", "at the top edge", "in the top right corner"),
    ("at the left edge", "in the centre", "at the right edge"),
    ("in the bottom left corner", "at the bottom edge", "in the bottom right corner"),
)
_WIDE = ("across the top", "across the middle", "across the bottom")
_TALL = ("down the left side", "down the middle", "down the right side")


def reasons(
    score: float,
    kinds: Mapping[str, float],
    defects: Sequence[Defect],
    policy: Policy,
    size: Size,
    mm_per_pixel: float | None,
) -> tuple[str, ...]:
    """Sentences without a full stop, most important first: what was found, then how sure it is.

    Args:
        score: probability that the part is defective.
        kinds: probability by kind.
        defects: those that passed the policy, highest score first.
        policy: that gave the verdict.
        size: of the image.
        mm_per_pixel: lengths are in pixels where it is not known.
    """
    verdict = policy.verdict(score)
    if verdict is Verdict.ACCEPT:
        return (f"looks good ({percent(score)} likely defective)",)
    places, rest = _by_place(defects)
    for same in places:
        same.sort(key=lambda one: (-one.score, -kinds.get(one.kind, 0.0)))
    said = [describe(same, size, mm_per_pixel) for same in places]
    if rest:
        said.append(f"and {rest:,} more place{'' if rest == 1 else 's'}")
    if not defects:
        said.append(_unlocated(score, kinds, policy))
    if verdict is Verdict.REVIEW:
        said.append(
            f"{percent(score)} likely defective: accepted under {percent(policy.accept_below)},"
            f" rejected from {percent(policy.reject_above)}, so a person should look"
        )
    return tuple(said)


def _unlocated(score: float, kinds: Mapping[str, float], policy: Policy) -> str:
    shown = [
        f"{kind} ({percent(chance)})"
        for kind, chance in sorted(kinds.items(), key=lambda item: -item[1])
        if chance >= rule_for(policy, kind).probability
    ]
    perhaps = f", perhaps {' and '.join(shown)}" if shown else ""
    looks = "looks defective" if score >= policy.defective_from else "may be defective"
    return f"{looks} ({percent(score)}){perhaps}, but no place stands out"


def _by_place(defects: Sequence[Defect]) -> tuple[list[list[Defect]], int]:
    """The first places, defects of different kinds at much the same one together; how many more."""
    places: list[list[Defect]] = []
    rest = 0
    for defect in defects:
        for same in places:
            kinds = {one.kind for one in same}
            if defect.kind not in kinds and _shared(same[0].box, defect.box) >= _SAME_PLACE:
                same.append(defect)
                break
        else:
            if len(places) < _MOST_PLACES:
                places.append([defect])
            else:
                rest += 1
    return places, rest


def _shared(one: Box, other: Box) -> float:
    """Intersection of two boxes over their union."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(0, width) * max(0, height)
    return both / (one.width * one.height + other.width * other.height - both)


def describe(same: Sequence[Defect], size: Size, mm_per_pixel: float | None = None) -> str:
    """What is at one place in words: "crack or fray, 14 x 3 mm at the left edge, 97 %".

    Args:
        same: the defects there, each of another kind, the surest first, which is measured.
        size: of the image.
        mm_per_pixel: lengths are in pixels where it is not known.
    """
    defect = same[0]
    named = [one.kind for one in same if one.kind != UNNAMED][:_MOST_NAMES]
    name = " or ".join(named) or "defect of no known kind"
    length, width = extent(defect)
    if mm_per_pixel is None:
        measure = f"{length:.0f} {_TIMES} {width:.0f} px"
    else:
        measure = f"{_short(length * mm_per_pixel)} {_TIMES} {_short(width * mm_per_pixel)} mm"
    return f"{name}, {measure} {place(defect.box, size)}, {percent(defect.score)}"


def extent(defect: Defect) -> tuple[float, float]:
    """Length and width in pixels, along the defect's own direction where its mask is known."""
    return extent_of(defect.box, decode_at(defect.mask, defect.box) if defect.mask else None)


def extent_of(box: Box, pixels: NDArray[np.bool_] | None) -> tuple[float, float]:
    """The same of a defect's pixels inside its box; ``None`` where only the box is known."""
    if pixels is None:
        sides = (float(box.height), float(box.width))
        return max(sides), min(sides)
    return length_and_width(pixels)


def place(box: Box, size: Size) -> str:
    """Where in the image, by thirds; what spans two thirds of a side lies across it."""
    wide, tall = 3 * box.width >= 2 * size.width, 3 * box.height >= 2 * size.height
    row = _third(box.top + box.bottom, size.height)
    column = _third(box.left + box.right, size.width)
    if wide and tall:
        return "over most of the picture"
    if wide:
        return _WIDE[row]
    return _TALL[column] if tall else _PLACES[row][column]


def _third(ends: int, side: int) -> int:
    return min(2, 3 * ends // (2 * side))


def percent(share: float) -> str:
    """ "97 %"; 0 % and 100 % only where they are exact."""
    if 0.0 < share < 0.01:
        return "under 1 %"
    if 0.99 < share < 1.0:
        return "over 99 %"
    return f"{100 * share:.0f} %"


def _short(millimetres: float) -> str:
    """Two significant digits, never in scientific notation: 0.034, 1.4, 14, 140."""
    if millimetres <= 0:
        return "0"
    digits = max(0, 1 - int(np.floor(np.log10(millimetres))))
    text = f"{millimetres:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
