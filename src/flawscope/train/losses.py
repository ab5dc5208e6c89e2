"""Losses that apply only to what was looked at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from flawscope.nets import Answers
from flawscope.train.crops import Crop
from flawscope.train.recipe import LossRecipe
from flawscope.train.supervision import CLEAN, DEFECT, SOMEWHERE

_FOCUS = 1.0
_INSIDE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Losses:
    """The weighted sum and its parts, each a scalar tensor."""

    total: Tensor
    parts: dict[str, Tensor]


def cascade_losses(answers: Answers, crops: Crop, recipe: LossRecipe) -> Losses:
    """Losses of a batch.

    Args:
        answers: logits (n, 1 + k, ...).
        crops: a batch of what is known: places (n, 1 + k, h, w), answers (n, 1 + k).
        recipe: the weights of the parts.
    """
    known = crops.places
    coarse = _coarse(known, answers.evidence.shape[-1])
    parts = {
        "whole": _entropy(answers.whole, crops.answers.nan_to_num(0.0), ~crops.answers.isnan()),
        "evidence": _focal(answers.evidence, coarse),
        "mask_entropy": _mask_entropy(answers.masks, known),
        "mask_dice": _dice(answers.masks, known),
    }
    weights = recipe.model_dump()
    total = torch.stack([weights[name] * loss for name, loss in parts.items()]).sum()
    return Losses(total, {name: loss.detach() for name, loss in parts.items()})


def _entropy(logits: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Mean binary cross-entropy over what is known; 0 where nothing is."""
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (loss * known).sum() / known.sum().clamp(min=1)


def _coarse(known: Tensor, width: int) -> Tensor:
    """Places at the evidence's stride: a cell is what the least clean of its pixels is known as."""
    stride = known.shape[-1] // width
    cells = functional.unfold(known.flatten(0, 1)[:, None].float(), stride, stride=stride)
    cells = cells.unflatten(0, known.shape[:2])
    coarse = torch.where((cells == CLEAN).all(dim=2), CLEAN, SOMEWHERE)
    coarse = torch.where((cells == DEFECT).any(dim=2), DEFECT, coarse)
    return coarse.unflatten(-1, (-1, width))


def _focal(logits: Tensor, coarse: Tensor) -> Tensor:
    """Focal loss (Lin et al. 2017) per defective cell: few cells in a hundred are defective."""
    known = (coarse == CLEAN) | (coarse == DEFECT)
    truth = (coarse == DEFECT).float()
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    missed = (truth - torch.sigmoid(logits)).abs() ** _FOCUS
    weight = torch.where(truth > 0, 4.0, 1.0) * known
    return (loss * missed * weight).sum() / (weight.sum() * 0.1).clamp(min=1)


def _mask_entropy(logits: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy by pixel, plus, for boxes, that their surest tenth is defective."""
    certain = (known == CLEAN) | (known == DEFECT)
    loss = _entropy(logits, (known == DEFECT).float(), certain)
    inside = known == SOMEWHERE
    if not inside.any():
        return loss
    boxed = inside.flatten(2).sum(dim=2)
    ranked = logits.masked_fill(~inside, -30.0).flatten(2).sort(dim=2, descending=True).values
    kept = (boxed * _INSIDE_SHARE).ceil()
    chosen = torch.arange(ranked.shape[2], device=ranked.device) < kept[:, :, None]
    return loss + 0.25 * _entropy(ranked, torch.ones_like(ranked), chosen)


def _dice(logits: Tensor, known: Tensor) -> Tensor:
    """1 - Dice, averaged over the channels of each crop that show a defect.

    A channel without a defect has no Dice; the cross-entropy teaches it. By crop and not by batch,
    so that a pit of thirty pixels weighs as much as a stain of thirty thousand.
    """
    certain = ((known == CLEAN) | (known == DEFECT)).float()
    truth = (known == DEFECT).float()
    probabilities = torch.sigmoid(logits) * certain
    both = (probabilities * truth).sum(dim=(2, 3))
    either = probabilities.sum(dim=(2, 3)) + truth.sum(dim=(2, 3))
    shown = truth.sum(dim=(2, 3)) > 0
    dice = (2.0 * both + 1.0) / (either + 1.0)
    return ((1.0 - dice) * shown).sum() / shown.sum().clamp(min=1)
