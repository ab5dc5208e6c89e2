"""A set of pictures put to a model again, and its answers laid beside those it should give."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flawscope.runtime.cascade import Answer, Cascade
from flawscope.runtime.view import Clock
from flawscope.values import Gate, Manifest, Policy, Replay

_WHITE = 255.0
_DEFECTIVE = 128
"""Of a heat: a probability of half and more."""

Told = Callable[[], None]
"""Called after each picture."""


def _silent() -> None:
    pass


@dataclass(frozen=True, slots=True)
class Case:
    """One picture of a set.

    Attributes:
        id: names it.
        open: gives RGB uint8 (height, width, 3).
        defective: the truth, where it is known.
        mask: bool (height, width), the pixels that truly are defective, where they are known.
    """

    id: str
    open: Callable[[], NDArray[np.uint8]]
    defective: bool | None = None
    mask: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of one picture.

    Attributes:
        score: probability that the part is defective.
        kinds: probability by kind.
        heat: uint8 (height, width), the highest probability of any channel at each pixel, 255
            being 1; ``None`` where nothing was located.
        asked_again: whether a tile was asked again in float32.
        screen: the screen's answer, where the score is another.
        firsts: the screen's answer to each tile as it lies, where some may be turned as well.
    """

    score: float
    kinds: Mapping[str, float]
    heat: NDArray[np.uint8] | None
    asked_again: bool = False
    screen: float | None = None
    firsts: tuple[float, ...] = ()


def replay(cascade: Cascade, cases: Sequence[Case], told: Told = _silent) -> list[Said]:
    """What a cascade says of each picture, in order."""
    return list(_replayed(cascade, cases, told))


def _replayed(cascade: Cascade, cases: Sequence[Case], told: Told) -> Iterator[Said]:
    for case in cases:
        answer = cascade.ask(case.open(), Clock())
        yield _said(answer, _heat(answer))
        told()


def weighed(cascade: Cascade, cases: Sequence[Case], told: Told = _silent) -> list[Said]:
    """Scores and kinds alone: no mask is asked for that no score hangs on."""
    said = []
    for case in cases:
        image = case.open()
        if cascade.looks_twice:
            answer = cascade.ask(image, Clock())
        else:
            answer = cascade.weigh(image, kinds=True, turned_from=cascade.turned_from)
        said.append(_said(answer, None))
        told()
    return said


def _said(answer: Answer, heat: NDArray[np.uint8] | None) -> Said:
    again = answer.asked_again > 0
    return Said(answer.score, answer.kinds, heat, again, answer.screen, answer.firsts)


def same_views(one: Said, other: Said, policy: Policy) -> bool:
    """Whether the same tiles were looked at turned; else what was said differs by more than
    precision.
    """
    return [policy.turns(first) for first in one.firsts] == [
        policy.turns(first) for first in other.firsts
    ]


def for_replay(manifest: Manifest) -> Manifest:
    """A manifest by which the maps of all channels are seen of every part that is not accepted."""
    policy = manifest.policy.model_copy(update={"gate": Gate.NONE})
    return manifest.model_copy(update={"policy": policy})


def for_reference(manifest: Manifest) -> Manifest:
    """A manifest by which masks are seen of every part; with a second look, as ``for_replay``:

    there, who is located decides the score as well.
    """
    if manifest.policy.second_look is not None:
        return for_replay(manifest)
    policy = manifest.policy.model_copy(update={"gate": Gate.NONE, "accept_below": 0.0})
    return manifest.model_copy(update={"policy": policy})


def _heat(answer: Answer) -> NDArray[np.uint8] | None:
    if answer.maps is None or not answer.maps.channels:
        return None
    maps = answer.maps
    heat = np.zeros((1, 1), dtype=np.float32)
    for channel in maps.channels:
        heat = np.maximum(heat, maps.map(channel))
    return np.asarray(np.rint(heat.clip(0.0, 1.0) * _WHITE), dtype=np.uint8)


def compared(
    cases: Sequence[Case],
    reference: Sequence[Said],
    said: Sequence[Said],
    raw: Sequence[Said],
    policy: Policy,
) -> Replay:
    """How far answers stray from those they should be.

    Args:
        cases: the pictures.
        reference: what should be said of them, every question asked.
        said: what is said of them under the policy, doubtful tiles asked again.
        raw: what is said before any is asked again.
        policy: for verdicts.
    """
    both = list(zip(reference, said, strict=True))
    unasked = list(zip(reference, raw, strict=True))
    alike = [pair for pair in unasked if same_views(*pair, policy)]
    located = [
        (right.heat, ours.heat)
        for right, ours in both
        if right.heat is not None and ours.heat is not None
    ]
    figures = [_Truth(cases, answers, policy) for answers in (reference, said)]
    return Replay(
        pictures=len(cases),
        flipped=_flipped(cases, both, policy),
        unguarded=_flipped(cases, unasked, policy),
        score_difference=_most(abs(right.score - ours.score) for right, ours in alike),
        kind_difference=_most(
            abs(right.kinds[kind] - chance)
            for right, ours in alike
            for kind, chance in ours.kinds.items()
        ),
        map_difference=_most(
            float(np.abs(right.astype(np.int16) - ours).max()) / _WHITE for right, ours in located
        ),
        mask_iou=_pooled_iou(both, policy),
        f1_change=_change(*(one.f1() for one in figures)),
        dice_change=_change(*(one.dice() for one in figures)),
        asked_again=sum(one.asked_again for one in said) / len(cases),
    )


def _flipped(
    cases: Sequence[Case], pairs: Sequence[tuple[Said, Said]], policy: Policy
) -> tuple[str, ...]:
    return tuple(
        case.id
        for case, (right, ours) in zip(cases, pairs, strict=True)
        if policy.verdict(right.score) is not policy.verdict(ours.score)
    )


def _most(values: Iterator[float]) -> float:
    return round(min(1.0, max(values, default=0.0)), 6)


def _change(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else round(after - before, 6)


def _found(said: Said, policy: Policy) -> NDArray[np.bool_] | None:
    """The pixels shown as defective; ``None`` for none."""
    if said.heat is None or said.score < policy.accept_below:
        return None
    return np.asarray(said.heat >= _DEFECTIVE)


def _pooled_iou(both: Sequence[tuple[Said, Said]], policy: Policy) -> float | None:
    shared = either = 0
    for right, ours in both:
        one, other = _found(right, policy), _found(ours, policy)
        shared += _shared(one, other)
        either += _area(one) + _area(other) - _shared(one, other)
    return round(shared / either, 6) if either else None


def _area(mask: NDArray[np.bool_] | None) -> int:
    return 0 if mask is None else int(np.count_nonzero(mask))


def _shared(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> int:
    return 0 if one is None or other is None else int(np.count_nonzero(one & other))


class _Truth:
    """Answers judged by the truth, where it is known."""

    def __init__(self, cases: Sequence[Case], answers: Sequence[Said], policy: Policy) -> None:
        self._both = list(zip(cases, answers, strict=True))
        self._policy = policy

    def f1(self) -> float | None:
        """Of "defective"; ``None`` where no picture truly is."""
        known = [
            (case.defective, said.score >= self._policy.defective_from)
            for case, said in self._both
            if case.defective is not None
        ]
        true = sum(truth for truth, _ in known)
        right = sum(truth and told for truth, told in known)
        return 2 * right / (true + sum(told for _, told in known)) if true else None

    def dice(self) -> float | None:
        """Of the pixels of any defect, over all pictures; ``None`` where none truly is one."""
        true = found = right = 0
        for case, said in self._both:
            if case.mask is not None:
                shown = _found(said, self._policy)
                true, found = true + _area(case.mask), found + _area(shown)
                right += _shared(case.mask, shown)
        return 2 * right / (true + found) if true else None
