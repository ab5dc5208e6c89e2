"""The policy, chosen on validation data with the exported graphs.

Gate, thresholds, smallest areas, and the edges between accept, review and reject.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flawscope.evaluate import (
    Edges,
    calibrated_edge,
    choose_areas,
    choose_edges,
    choose_mask_thresholds,
    choose_second_look,
    choose_threshold,
    choose_veto,
    dice,
    enough_parts,
    piece_counts,
    threshold_counts,
)
from flawscope.images import open_image
from flawscope.masks import components
from flawscope.runtime import Answer, Cascade, Clock, usable_threads
from flawscope.runtime.engines import batch_streams
from flawscope.runtime.overlap import in_order
from flawscope.train.recipe import CostRecipe
from flawscope.train.supervision import CLEAN, DEFECT, Lesson, answers, places
from flawscope.values import UNNAMED, Gate, KindPolicy, Label, Policy, SecondLook

OPEN = Policy(accept_below=0.0, reject_above=1.0, gate=Gate.NONE)
"""A policy that asks all three questions of every image, so that every answer can be weighed."""

_MASKS_ALONE = SecondLook(located_from=0.0, screen=0.0, masks=1.0)
"""A second look that scores a part by its likeliest pixels."""

_THRESHOLDS = np.round(np.arange(0.2, 0.81, 0.05), 2)
"""Mask thresholds tried; one nearer to 0 or 1 wins on few images by chance, and loses on others."""

_SMALL_SHARE = 0.05
"""A smallest area may drop no more than this share of the true defects of its kind, were they
found only by half."""

_Counts = Mapping[str, list[NDArray[np.int64]]]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the cascade said of one lesson, and what is true of it.

    ``screen`` is the screen's answer; the first of ``said`` is the score.
    """

    lesson: Lesson
    screen: float
    said: NDArray[np.float64]
    told: NDArray[np.float32]
    answer: Answer
    known: tuple[NDArray[np.uint8], ...]


def choose_policy(
    cascade: Cascade,
    lessons: Sequence[Lesson],
    kinds: Sequence[str],
    costs: CostRecipe,
    *,
    turning: bool = True,
) -> tuple[Policy, dict[str, Any]]:
    """The policy that validation data ask for.

    Args:
        cascade: the exported graphs under the policy ``OPEN``.
        lessons: the validation part.
        kinds: of the model.
        costs: of escapes, overkill and reviews.
        turning: whether the networks know parts turned by 180 degrees.

    Returns:
        The policy, and of each gate what its choice rests on: ``mean_dice``, and by channel the
        ``mask_probability`` and ``veto_below`` that it is reached with.
    """
    channels = (UNNAMED, *kinds)
    looking = _looking(cascade, lessons, costs, turning=turning)
    second_look = looking.second_look
    cascade = cascade.under(looking)
    heard = _heard(cascade, lessons, kinds)
    scores, parts = heard.scores, _parts(lessons)
    let_go = np.zeros(len(scores), dtype=bool)
    if second_look is not None:
        let_go = heard.screens < second_look.located_from
        unseen = [second_look.score(screen, 0.0) for screen in heard.screens[let_go].tolist()]
        scores[let_go, 0] = unseen
    chances = _image_thresholds(scores, heard.truths, parts, channels)
    # What is let go is accepted wherever the edges are.
    judged = ~let_go | let_go.all()
    suspected = [part for part, here in zip(parts, judged, strict=True) if here]
    edges = _edges(scores[judged, 0], heard.truths[judged, 0] > 0, suspected, costs)
    if second_look is not None:  # whose scores are probabilities, as far as validation can tell
        least = min(edges.accept_below, _harmless(costs))
        edges = replace(edges, accept_below=least)
    located = ~let_go & (scores[:, 0] >= edges.accept_below)
    looked = _Looked(scores, located, parts)
    gates = _gates(heard, looked, channels)
    gate = max(gates, key=lambda one: (round(gates[one].mean_dice, 3), one is Gate.HARD))
    chosen = gates[gate]
    policy = Policy(
        defective_from=chances[UNNAMED],
        accept_below=edges.accept_below,
        reject_above=edges.reject_above,
        gate=gate,
        kinds={
            name: KindPolicy(
                probability=chances[name],
                veto_below=chosen.veto_below.get(name),
                mask_probability=chosen.mask_probability[name],
            )
            for name in kinds
        },
        unnamed=KindPolicy(probability=0.0, mask_probability=chosen.mask_probability[UNNAMED]),
        turned_from=looking.turned_from,
        second_look=second_look,
    )
    areas = _areas(cascade, lessons, kinds, policy)
    return _with_areas(policy, areas), {one.value: asdict(found) for one, found in gates.items()}


def _parts(lessons: Sequence[Lesson]) -> list[Hashable]:
    return [(one.dataset, one.sample.group or one.sample.id) for one in lessons]


def _looking(
    cascade: Cascade, lessons: Sequence[Lesson], costs: CostRecipe, *, turning: bool
) -> Policy:
    """The policy ``OPEN``, but for how scores are made."""
    turned_from = _turned_from(cascade, lessons, costs) if turning else None
    looking = OPEN.model_copy(update={"turned_from": turned_from})
    second_look = _second_look(cascade, looking, lessons, costs)
    return looking.model_copy(update={"second_look": second_look})


def _turned_from(cascade: Cascade, lessons: Sequence[Lesson], costs: CostRecipe) -> float:
    """What is worth another view: all that the screen would not accept as it lies."""
    looked = list(_asked(partial(cascade.weigh, kinds=False), lessons))
    defective = np.array([one.sample.label is Label.DEFECTIVE for one in lessons])
    scores = np.array([one.score for one in looked])
    return _edges(scores, defective, _parts(lessons), costs).accept_below


def _second_look(
    cascade: Cascade, looking: Policy, lessons: Sequence[Lesson], costs: CostRecipe
) -> SecondLook | None:
    """The second look that validation data ask for, at what the screen alone would not accept."""
    defective = np.array([one.sample.label is Label.DEFECTIVE for one in lessons])
    parts = _parts(lessons)
    able = costs.second_look and UNNAMED in cascade.located
    if not able or not enough_parts(defective, parts):
        return None
    by_masks = cascade.under(looking.model_copy(update={"second_look": _MASKS_ALONE}))
    said = [(answer.screen, answer.score) for answer in _asked(_in_full(by_masks), lessons)]
    screen, masks = np.array(said, dtype=np.float64).T
    weights = choose_second_look(screen, masks, defective, parts)
    if weights is None:
        return None
    edges = _edges(screen, defective, parts, costs)
    calibrated = calibrated_edge(screen, defective, parts, _harmless(costs))
    return SecondLook(
        located_from=min(edges.accept_below, calibrated),
        offset=round(weights.offset, 4),
        screen=round(weights.screen, 4),
        masks=round(weights.masks, 4),
        pixels=_MASKS_ALONE.pixels,
    )


def _edges(
    scores: NDArray[np.float64],
    defective: NDArray[np.bool_],
    parts: Sequence[Hashable],
    costs: CostRecipe,
) -> Edges:
    return choose_edges(
        scores,
        defective,
        escape=costs.escape,
        overkill=costs.overkill,
        review=costs.review,
        parts=parts,
    )


def _harmless(costs: CostRecipe) -> float:
    """The probability of a defect under which neither review nor rejection saves what it costs."""
    return min(costs.review / costs.escape, costs.overkill / (costs.escape + costs.overkill))


@dataclass(frozen=True, slots=True)
class _Heard:
    """What the cascade said of all lessons, and what is true of them.

    Attributes:
        scores: (n, 1 + k), of the score and of each kind.
        screens: (n,), the screen's answers.
        truths: (n, 1 + k), NaN where nobody knows.
        counts: by gate and channel, ``threshold_counts`` of the lessons whose places are known.
        owners: by channel, the numbers of these lessons.
    """

    scores: NDArray[np.float64]
    screens: NDArray[np.float64]
    truths: NDArray[np.float32]
    counts: Mapping[Gate, _Counts]
    owners: Mapping[str, list[int]]


def _heard(cascade: Cascade, lessons: Sequence[Lesson], kinds: Sequence[str]) -> _Heard:
    channels = (UNNAMED, *kinds)
    scores, screens, truths = [], [], []
    counts: dict[Gate, _Counts] = {
        gate: {name: [] for name in cascade.located} for gate in (Gate.NONE, Gate.SOFT)
    }
    owners: dict[str, list[int]] = {name: [] for name in channels}
    for number, seen in enumerate(_looks(cascade, lessons, kinds)):
        scores.append(seen.said)
        screens.append(seen.screen)
        truths.append(seen.told)
        for index, name in enumerate(channels):
            truth = _truth(seen, index) if name in cascade.located else None
            if truth is None:
                continue
            values = _map(seen.answer, name, truth.shape)
            owners[name].append(number)
            for gate, factor in ((Gate.NONE, 1.0), (Gate.SOFT, seen.said[index])):
                cut = threshold_counts(values * np.float32(factor), truth, _THRESHOLDS)
                counts[gate][name].append(cut)
    return _Heard(np.array(scores), np.array(screens), np.array(truths), counts, owners)


def _looks(cascade: Cascade, lessons: Sequence[Lesson], kinds: Sequence[str]) -> Iterator[_Seen]:
    for lesson, answer in zip(lessons, _asked(_in_full(cascade), lessons), strict=True):
        said = np.array([answer.score, *(answer.kinds[kind] for kind in kinds)])
        screen = answer.score if answer.screen is None else answer.screen
        yield _Seen(lesson, screen, said, answers(lesson, kinds), answer, places(lesson, kinds))


def _in_full(cascade: Cascade) -> Callable[[NDArray[np.uint8]], Answer]:
    return lambda image: cascade.ask(image, Clock())


def _asked(
    ask: Callable[[NDArray[np.uint8]], Answer], lessons: Sequence[Lesson]
) -> Iterator[Answer]:
    """What is said of each lesson, in order; the next ones are asked while one is looked at."""
    at_once = batch_streams(usable_threads())
    return in_order(
        lambda lesson: ask(open_image(lesson.sample.image)),
        lessons,
        workers=at_once,
        ahead=at_once,
    )


def _truth(seen: _Seen, channel: int) -> NDArray[np.bool_] | None:
    """True pixels of a channel; ``None`` where they are not known for the whole image."""
    if not np.isin(seen.known[channel], (DEFECT, CLEAN)).all():
        return None
    return np.asarray(seen.known[channel] == DEFECT)


def _map(answer: Answer, name: str, size: tuple[int, ...]) -> NDArray[np.float32]:
    if answer.maps is None:  # a second look let it go
        return np.zeros(size, dtype=np.float32)
    return answer.maps.map(name)


def _image_thresholds(
    scores: NDArray[np.float64],
    truths: NDArray[np.float32],
    parts: Sequence[Hashable],
    channels: Sequence[str],
) -> dict[str, float]:
    """The best threshold on each of the first two questions' answers, where they are known."""
    chosen = {}
    for index, name in enumerate(channels):
        known = np.flatnonzero(~np.isnan(truths[:, index]))
        shown = [parts[number] for number in known.tolist()]
        chosen[name] = (
            choose_threshold(scores[known, index], truths[known, index] > 0, shown)
            if known.size
            else 0.5
        )
    return chosen


@dataclass(frozen=True, slots=True)
class _Looked:
    """Of all lessons: scores (n, 1 + k), which are located, and the part each shows."""

    scores: NDArray[np.float64]
    located: NDArray[np.bool_]
    parts: Sequence[Hashable]


@dataclass(frozen=True, slots=True)
class _Gated:
    """The Dice that a gate reaches (mean over kinds), and what it does so with, by channel."""

    mean_dice: float
    mask_probability: dict[str, float]
    veto_below: dict[str, float]


def _gates(heard: _Heard, looked: _Looked, channels: Sequence[str]) -> dict[Gate, _Gated]:
    owners = heard.owners
    parts = {name: [looked.parts[one] for one in owned] for name, owned in owners.items()}
    results = {}
    for gate in Gate:
        source = heard.counts[Gate.SOFT if gate is Gate.SOFT else Gate.NONE]
        gated, vetoes = {}, {}
        for index, name in enumerate(channels):
            if not source.get(name):
                continue
            stack = np.stack(source[name]).copy()
            # What is not located finds nothing: no pixel that is both, none found.
            stack[~looked.located[owners[name]], :, :2] = 0
            if gate is Gate.HARD and name != UNNAMED:
                chances = looked.scores[owners[name], index]
                vetoes[name] = round(choose_veto(stack, chances, parts[name]), 5)
                stack[chances < vetoes[name], :, :2] = 0
            gated[name] = stack
        thresholds = dict.fromkeys(channels, 0.5) | choose_mask_thresholds(
            gated, _THRESHOLDS, parts
        )
        results[gate] = _Gated(_mean_dice(gated, thresholds), thresholds, vetoes)
    return results


def _mean_dice(counts: Mapping[str, NDArray[np.int64]], thresholds: Mapping[str, float]) -> float:
    """Mean over kinds of pooled Dice and of Dice averaged over the images that show the kind."""
    figures = []
    for name, stack in counts.items():
        at = stack[:, int(np.argmin(np.abs(_THRESHOLDS - thresholds[name])))]
        shows = at[:, 2] > 0
        if name != UNNAMED and shows.any():
            figures += [float(dice(at.sum(axis=0))), float(dice(at[shows]).mean())]
    return float(np.mean(figures)) if figures else 0.0


def _areas(
    cascade: Cascade, lessons: Sequence[Lesson], kinds: Sequence[str], policy: Policy
) -> dict[str, int]:
    """The smallest areas worth keeping, from a second look with the thresholds chosen.

    They are for specks, so they stay under nearly every true defect: a rare kind's few validation
    images would else ask for areas that erase it elsewhere.
    """
    channels = (UNNAMED, *kinds)
    pieces: dict[str, list[NDArray[np.int64]]] = {name: [] for name in channels}
    sizes: dict[str, list[int]] = {name: [] for name in channels}
    true_areas: dict[str, list[int]] = {name: [] for name in channels}
    for seen in _looks(cascade, lessons, kinds):
        for index, name in enumerate(channels):
            truth = _truth(seen, index) if name in cascade.located else None
            if truth is None:
                continue
            true_areas[name] += [piece.area for piece in components(truth)]
            rule = policy.unnamed if name == UNNAMED else policy.kinds[name]
            vetoed = policy.gate is Gate.HARD and seen.said[index] < rule.veto
            let_go = seen.screen < policy.located_from
            if vetoed or let_go or seen.said[0] < policy.accept_below:
                continue
            factor = np.float32(seen.said[index] if policy.gate is Gate.SOFT else 1.0)
            found = _map(seen.answer, name, truth.shape) * factor >= rule.mask_probability
            pieces[name].append(piece_counts(found, truth))
            sizes[name].append(int(np.count_nonzero(truth)))
    measured = {name: ones for name, ones in pieces.items() if ones and true_areas[name]}
    chosen = choose_areas(measured, {name: np.array(sizes[name]) for name in measured})
    return {
        name: min(area, int(np.quantile(true_areas[name], _SMALL_SHARE) / 2))
        for name, area in chosen.items()
    }


def _with_areas(policy: Policy, areas: Mapping[str, int]) -> Policy:
    kinds = {
        name: rule.model_copy(update={"smallest_area": areas.get(name, 0)})
        for name, rule in policy.kinds.items()
    }
    unnamed = policy.unnamed.model_copy(update={"smallest_area": areas.get(UNNAMED, 0)})
    return policy.model_copy(update={"kinds": kinds, "unnamed": unnamed})
