"""From probability maps to defects, by a model's policy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.masks import Component, components, encode_at
from flawscope.runtime.cascade import Answer, passes_gate, rule_for
from flawscope.values import UNNAMED, Box, Defect, Gate, KindPolicy, Policy, Size

_RIM = 8
"""Two masks of one defect disagree about its border by up to so many pixels."""

_MOST = 1000
"""More places of one kind are noise, or one surface defective all over; the largest are kept."""

_HIGH = 0.9
"""A defect's score is this quantile of its pixels' probabilities: its heart, not its blurred rim
and not its one brightest pixel. No defect is more certain than that the part has one."""

Map = NDArray[np.float32]


def find_defects(answer: Answer, policy: Policy) -> tuple[tuple[Defect, ...], Map | None]:
    """The defects that pass the policy, and the probability map they were found in.

    Each kind's map passes its gate, is cut at the kind's ``mask_probability`` and falls into
    8-connected pieces; those of at least ``smallest_area`` pixels are defects of this kind.
    Different kinds may share pixels. Pieces of the channel ``UNNAMED`` that no such defect
    explains are defects of no known kind.

    Returns:
        The defects, highest score first, and the highest probability over the channels that pass
        the gate: float32 (height, width), or ``None`` where nothing was located.
    """
    if answer.maps is None:
        return (), None
    size = answer.maps.size
    heat: Map | None = None
    found: list[Defect] = []
    explained: NDArray[np.bool_] | None = None
    for channel, box, values in _gated(answer, policy):
        rule = rule_for(policy, channel)
        shown = values >= rule.mask_probability
        if channel == UNNAMED and explained is not None:
            pieces = _unexplained(shown, box, explained, rule)
        else:
            pieces = components(shown, max(1, rule.smallest_area), _MOST)
            explained = np.zeros(size, dtype=bool) if explained is None else explained
            for piece in pieces:
                explained[box.of_part(piece.box).slices] |= piece.pixels
        found += [_defect(channel, piece, values, box, size) for piece in pieces]
        heat = np.zeros(size, dtype=np.float32) if heat is None else heat
        np.maximum(heat[box.slices], values, out=heat[box.slices])
    found = [replace(one, score=min(one.score, answer.score)) for one in found]
    found.sort(key=lambda defect: (-defect.score, -_area(defect), defect.kind, defect.box))
    return tuple(found), heat


def _gated(answer: Answer, policy: Policy) -> Iterator[tuple[str, Box, Map]]:
    """The maps that pass, one at a time, ``UNNAMED`` last, each where it is not 0."""
    chances: Mapping[str, float] = {**answer.kinds, UNNAMED: answer.score}
    maps = answer.maps
    for channel in sorted(maps.channels if maps else (), key=lambda name: name == UNNAMED):
        if maps and passes_gate(policy, channel, chances[channel]):
            if rule_for(policy, channel).mask_probability > 0:
                box, values = maps.alight(channel)
            else:  # even what is 0 shows
                box, values = Box(0, 0, maps.size.width, maps.size.height), maps.map(channel)
            if policy.gate is Gate.SOFT:
                values *= np.float32(chances[channel])
            yield channel, box, values


def _unexplained(
    shown: NDArray[np.bool_], box: Box, explained: NDArray[np.bool_], rule: KindPolicy
) -> list[Component]:
    """Pieces of what no kind explains, but for those that are only the rim of an explained one."""
    pieces = components(shown & ~explained[box.slices], max(1, rule.smallest_area), _MOST)
    return [piece for piece in pieces if not _is_rim(piece, box.of_part(piece.box), explained)]


def _is_rim(piece: Component, box: Box, explained: NDArray[np.bool_]) -> bool:
    """Whether every pixel of a piece lies within ``_RIM`` of an explained one."""
    height, width = explained.shape
    around = Box(
        max(0, box.left - _RIM),
        max(0, box.top - _RIM),
        min(width, box.right + _RIM),
        min(height, box.bottom + _RIM),
    )
    here = explained[around.slices]
    if not here.any():
        return False
    kernel = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    near = cv2.dilate(here.view(np.uint8), kernel).astype(bool)
    left, top = box.left - around.left, box.top - around.top
    return not (piece.pixels & ~near[top : top + box.height, left : left + box.width]).any()


def _defect(kind: str, piece: Component, values: Map, box: Box, size: Size) -> Defect:
    inside = values[piece.box.slices][piece.pixels]
    rank = math.ceil(_HIGH * (inside.size - 1))
    score = float(np.partition(inside, rank)[rank])
    place = box.of_part(piece.box)
    return Defect(kind, place, encode_at(piece.pixels, place, size), round(score, 5))


def _area(defect: Defect) -> int:
    return defect.mask.area if defect.mask else 0
