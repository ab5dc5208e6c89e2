"""How good a network is in the middle of training: one score, and the figures it is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from flawscope.evaluate import average_precision
from flawscope.fit import pad, plan_fit, resize
from flawscope.images import open_image
from flawscope.nets import Network
from flawscope.train.supervision import DEFECT, UNKNOWN, Lesson, answers, places
from flawscope.values import InputFit, Size

T = TypeVar("T")

Look = Callable[[Lesson, NDArray[np.uint8], NDArray[np.float64], NDArray[np.bool_]], None]
"""Shown an image, its probabilities (1 + k) and its cut masks (1 + k, height, width)."""

WHOLE_IMAGE = InputFit(tile=4096, to_multiple="resize")
"""While training, images are looked at in one piece."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What ``validate`` found.

    Attributes:
        score: mean of what could be measured, higher is better; it decides what is kept.
        figures: screen average precision, mean average precision of the kinds, Dice of "any
            defect" and mean Dice of the kinds, each over the images that show it.
    """

    score: float
    figures: dict[str, float]


def thinned(all_of_them: Sequence[T], most: int) -> list[T]:
    """At most so many, evenly spread over all of them."""
    if len(all_of_them) <= most:
        return list(all_of_them)
    chosen = np.linspace(0, len(all_of_them) - 1, most).round().astype(int)
    return [all_of_them[number] for number in chosen]


@torch.no_grad()
def validate(
    network: Network,
    lessons: Sequence[Lesson],
    kinds: Sequence[str],
    look: Look | None = None,
) -> Validation:
    """Figures of what a network answers, on whole images at native resolution, masks cut at 0.5."""
    network.eval()
    told, said = [], []
    dice: dict[int, list[float]] = defaultdict(list)
    for lesson in lessons:
        image = open_image(lesson.sample.image)
        whole, masks = _asked(network, image)
        if look is not None:
            look(lesson, image, *_spread(whole, masks, network.channels, 1 + len(kinds)))
        if whole is not None:
            told.append(answers(lesson, kinds)[list(network.channels)])
            said.append(whole)
        if masks is not None:
            known = places(lesson, kinds)
            for place, value in _dice(masks, [known[channel] for channel in network.channels]):
                dice[network.channels[place]].append(value)
    precision = _precisions(np.array(said), np.array(told), network.channels) if said else {}
    figures: dict[str, float | None] = {
        "screen_ap": precision.pop(0, None),
        "kinds_ap": _mean(list(precision.values())),
        "any_dice": _mean(dice.pop(0, [])),
        "kinds_dice": _mean([float(np.mean(values)) for values in dice.values()]),
    }
    measured = {name: value for name, value in figures.items() if value is not None}
    return Validation(_mean(list(measured.values())) or 0.0, measured)


def _precisions(
    scores: NDArray[np.float64], truth: NDArray[np.float32], channels: Sequence[int]
) -> dict[int, float]:
    """Average precision of each channel that has one."""
    return {
        channel: figure
        for place, channel in enumerate(channels)
        if (figure := _average_precision(scores[:, place], truth[:, place])) is not None
    }


def _spread(
    whole: NDArray[np.float64] | None,
    masks: NDArray[np.bool_] | None,
    channels: Sequence[int],
    answers: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """One network's answers among all the cascade's; what is only located is as sure as found."""
    chosen = list(channels)
    shape = (1, 1) if masks is None else masks.shape[1:]
    every_mask = np.zeros((answers, *shape), dtype=bool)
    if masks is not None:
        every_mask[chosen] = masks
    chances = np.array([float(mask.any()) for mask in every_mask])
    if whole is not None:
        chances[chosen] = whole
    return chances, every_mask


def _asked(
    network: Network, image: NDArray[np.uint8]
) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_] | None]:
    """Probabilities (c) and cut masks (c, height, width) of one image, where they are answered."""
    size = Size(*image.shape[:2])
    plan = plan_fit(size, WHOLE_IMAGE)
    shown = pad(resize(image, plan.scaled), plan.window)
    found = network(torch.from_numpy(shown)[None].to(network.mean.device))
    whole = masks = None
    if found.whole is not None:
        whole = torch.sigmoid(found.whole[0]).double().cpu().numpy()
    if found.masks is not None:
        logits = found.masks[:, :, : plan.scaled.height, : plan.scaled.width].float()
        if plan.scaled != size:
            logits = functional.interpolate(logits, size=tuple(size), mode="bilinear")
        masks = (logits[0] > 0).cpu().numpy()
    return whole, masks


def _dice(masks: NDArray[np.bool_], known: Sequence[NDArray[np.uint8]]) -> list[tuple[int, float]]:
    """Channel and Dice of each channel that shows a defect."""
    found = []
    for channel, (mask, pixels) in enumerate(zip(masks, known, strict=True)):
        truth = pixels == DEFECT
        if truth.any():
            mask = mask & (pixels != UNKNOWN)
            both, either = np.count_nonzero(mask & truth), mask.sum() + truth.sum()
            found.append((channel, float(2.0 * both / either)))
    return found


def _average_precision(scores: NDArray[np.float64], truth: NDArray[np.float32]) -> float | None:
    known = ~np.isnan(truth)
    positive = truth[known] > 0
    if positive.all() or not positive.any():
        return None
    return average_precision(scores[known], positive)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
