"""From probability maps to defects, by a model's policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

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
and not its one brightest pixel."""

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
    heat: Map | None = None
    found: list[Defect] = []
    explained: NDArray[np.bool_] | None = None
    for channel, values in _gated(answer, policy):
        rule = rule_for(policy, channel)
        shown = values >= rule.mask_probability
        if channel == UNNAMED:
            pieces = _unexplained(shown, explained, rule)
        else:
            pieces = components(shown, max(1, rule.smallest_area), _MOST)
            explained = np.zeros_like(shown) if explained is None else explained
            _draw(explained, pieces)
        found += [_defect(channel, piece, values) for piece in pieces]
        heat = values if heat is None else np.maximum(heat, values, out=heat)
    found.sort(key=lambda defect: (-defect.score, -_area(defect), defect.kind, defect.box))
    return tuple(found), heat


def _gated(answer: Answer, policy: Policy) -> Iterator[tuple[str, Map]]:
    """The maps that pass, one at a time, ``UNNAMED`` last."""
    chances: Mapping[str, float] = {**answer.kinds, UNNAMED: answer.score}
    maps = answer.maps
    for channel in sorted(maps.channels if maps else (), key=lambda name: name == UNNAMED):
        if maps and passes_gate(policy, channel, chances[channel]):
            values = maps.map(channel)
            if policy.gate is Gate.SOFT:
                values *= np.float32(chances[channel])
            yield channel, values


def _draw(mask: NDArray[np.bool_], pieces: list[Component]) -> None:
    for piece in pieces:
        mask[_inside(piece.box)] |= piece.pixels


def _unexplained(
    shown: NDArray[np.bool_], explained: NDArray[np.bool_] | None, rule: KindPolicy
) -> list[Component]:
    """Pieces of what no kind explains, but for those that are only the rim of an explained one."""
    smallest = max(1, rule.smallest_area)
    if explained is None or not explained.any():
        return components(shown, smallest, _MOST)
    kernel = np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)
    near = cv2.dilate(explained.astype(np.uint8), kernel).astype(bool)
    return [
        piece
        for piece in components(shown & ~explained, smallest, _MOST)
        if (piece.pixels & ~near[_inside(piece.box)]).any()
    ]


def _defect(kind: str, piece: Component, values: Map) -> Defect:
    inside = values[_inside(piece.box)][piece.pixels]
    score = float(np.quantile(inside, _HIGH, method="higher"))
    mask = encode_at(piece.pixels, piece.box, Size(*values.shape))
    return Defect(kind, piece.box, mask, round(score, 5))


def _inside(box: Box) -> tuple[slice, slice]:
    return slice(box.top, box.bottom), slice(box.left, box.right)


def _area(defect: Defect) -> int:
    return defect.mask.area if defect.mask else 0
