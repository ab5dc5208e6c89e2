"""Losses that apply only to what was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from flawscope.nets import Answers, MaskRCNN, Network
from flawscope.train.crops import Crop
from flawscope.train.instances import target_of
from flawscope.train.peers import ALONE, Peers
from flawscope.train.recipe import LossRecipe
from flawscope.train.supervision import CLEAN, DEFECT, SOMEWHERE, UNKNOWN

_FOCUS = 1.0
_INSIDE_SHARE = 0.1
_BOX_WEIGHT = 0.25
_FEW = 0.25
_CELL = 8


class Batch(NamedTuple):
    """Crops as tensors, on the device that learns; of what and how they tell: ``crops.Crop``.

    Attributes:
        image: uint8 (n, size, size, 3).
        places: uint8 (n, c, size, size).
        answers: float32 (n, c).
    """

    image: Tensor
    places: Tensor
    answers: Tensor

    @classmethod
    def of(cls, crops: Crop, channels: Sequence[int], device: torch.device) -> Batch:
        """A batch of crops, with what is known of these answers alone."""
        if len(channels) < crops.answers.shape[1]:
            chosen = list(channels)
            crops = Crop(crops.image, crops.places[:, chosen], crops.answers[:, chosen])
        return cls(*(torch.from_numpy(one).to(device) for one in crops))


@dataclass(frozen=True, slots=True)
class Losses:
    """The weighted sum and its parts, each a scalar tensor.

    Of several processes each has its share of them: the batch's are their sum.
    """

    total: Tensor
    parts: dict[str, Tensor]


def network_losses(
    network: Network,
    crops: Batch,
    recipe: LossRecipe,
    precision: AbstractContextManager[object],
    peers: Peers = ALONE,
) -> Losses:
    """Losses of a batch that a network in training mode looks at.

    Args:
        network: answers what the crops tell.
        crops: a batch of what is known of the network's answers.
        recipe: the weights of the parts; those of Mask R-CNN weigh the same.
        precision: in which the network computes.
        peers: who the rest of the batch is shared with. Mask R-CNN averages over images and draws
            boxes at random within each process, so its losses are the mean of the processes'.
    """
    if isinstance(network, MaskRCNN):
        kinds = [network.channels.index(kind) for kind in network.kinds]
        targets = [target_of(known) for known in crops.places[:, kinds]]
        with precision:
            whole = network.losses(crops.image, targets)
        parts = {name: loss / peers.count for name, loss in whole.items()}
        total = torch.stack(list(parts.values())).sum()
        return Losses(total, {name: loss.detach() for name, loss in parts.items()})
    with precision:
        answers = network(crops.image)
    return cascade_losses(answers, crops, recipe, peers)


def cascade_losses(
    answers: Answers, crops: Batch, recipe: LossRecipe, peers: Peers = ALONE
) -> Losses:
    """Losses of a batch, for what the network answers.

    Args:
        answers: logits (n, c, ...).
        crops: a batch of what is known of the same answers: places (n, c, h, w), answers (n, c).
        recipe: the weights of the parts.
        peers: who the rest of the batch is shared with: means are over the whole batch.
    """
    known = crops.places
    parts = {}
    if answers.whole is not None:
        told = crops.answers
        parts["whole"] = _entropy(answers.whole, told.nan_to_num(0.0), ~told.isnan(), peers)
    if answers.evidence is not None:
        coarse = _coarse(known, answers.evidence.shape[-1])
        parts["evidence"] = _focal(answers.evidence, coarse, peers)
    if answers.masks is not None:
        chosen, weight = _telling(_coarse(known, known.shape[-1] // _CELL), peers)
        entropy, dice = _mask_losses(answers.masks[chosen], known[chosen], weight, peers)
        parts |= {"mask_entropy": entropy, "mask_dice": dice}
    weights = recipe.model_dump()
    total = torch.stack([weights[name] * loss for name, loss in parts.items()]).sum()
    return Losses(total, {name: loss.detach() for name, loss in parts.items()})


def _entropy(logits: Tensor, truth: Tensor, known: Tensor, peers: Peers) -> Tensor:
    """Mean binary cross-entropy over what is known; 0 where nothing is."""
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (loss * known).sum() / peers.total(known.sum()).clamp(min=1)


def _coarse(known: Tensor, width: int) -> Tensor:
    """Places at the evidence's stride: a cell is what the least clean of its pixels is known as."""
    stride = known.shape[-1] // width
    cells = known.reshape(*known.shape[:2], -1, stride, width, stride)
    coarse = cells.amax(dim=(-3, -1))
    return torch.where((cells == DEFECT).any(dim=-1).any(dim=-2), DEFECT, coarse)


def _telling(coarse: Tensor, peers: Peers) -> tuple[Tensor, Tensor]:
    """Which channels of which crops are compared by pixel (n, 1 + k), and the weight of each.

    Most kinds are absent from most crops. Of channels that are clean throughout a random few are
    compared, and stand for the others; a step would else spend most of its time on them.
    """
    clean = (coarse == CLEAN).all(dim=-1).all(dim=-1)
    clean[:, 0] = False
    known = (coarse != UNKNOWN).any(dim=-1).any(dim=-1)
    few = peers.drawn(partial(torch.rand, device=clean.device), clean.shape) < _FEW
    chosen = (known & ~clean) | (clean & few)
    weight = torch.where(clean, 1.0 / _FEW, 1.0)
    return chosen, weight[chosen]


def _focal(logits: Tensor, coarse: Tensor, peers: Peers) -> Tensor:
    """Focal loss (Lin et al. 2017) per defective cell: few cells in a hundred are defective."""
    known = (coarse == CLEAN) | (coarse == DEFECT)
    truth = (coarse == DEFECT).float()
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    missed = (truth - torch.sigmoid(logits)).abs() ** _FOCUS
    weight = torch.where(truth > 0, 4.0, 1.0) * known
    return (loss * missed * weight).sum() / (peers.total(weight.sum()) * 0.1).clamp(min=1)


def _mask_losses(
    logits: Tensor, known: Tensor, weight: Tensor, peers: Peers
) -> tuple[Tensor, Tensor]:
    """Cross-entropy by pixel, and 1 - Dice of the channels that show a defect.

    A channel without a defect has no Dice; the cross-entropy teaches it. Dice is by crop and not by
    batch, so that a pit of thirty pixels weighs as much as a stain of thirty thousand.

    Args:
        logits: (m, h, w), the chosen channels of all crops.
        known: uint8 (m, h, w).
        weight: (m,), how many channels each stands for.
        peers: who the rest of the batch is shared with.
    """
    truth = (known == DEFECT).float()
    certain = ((known == CLEAN) | (known == DEFECT)).float()
    loss = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none") * certain
    pixels = certain.sum(dim=(1, 2))
    every_pixel = peers.total((pixels * weight).sum()).clamp(min=1)
    entropy = (loss.sum(dim=(1, 2)) * weight).sum() / every_pixel
    boxed = (known == SOMEWHERE).any(dim=-1).any(dim=-1)
    if peers.total(boxed.sum()) > 0:
        inside = known[boxed] == SOMEWHERE
        entropy = entropy + _BOX_WEIGHT * _inside(logits[boxed], inside, peers)

    shown = truth.sum(dim=(1, 2)) > 0
    probabilities = torch.sigmoid(logits[shown]) * certain[shown]
    both = (probabilities * truth[shown]).sum(dim=(1, 2))
    either = probabilities.sum(dim=(1, 2)) + truth[shown].sum(dim=(1, 2))
    dice = (2.0 * both + 1.0) / (either + 1.0)
    return entropy, (1.0 - dice).sum() / peers.total(shown.sum()).clamp(min=1)


def _inside(logits: Tensor, inside: Tensor, peers: Peers) -> Tensor:
    """What a box says: something inside it is a defect, so its surest tenth should be."""
    ranked = logits.masked_fill(~inside, -30.0).flatten(1).sort(dim=1, descending=True).values
    kept = (inside.flatten(1).sum(dim=1) * _INSIDE_SHARE).ceil()
    chosen = torch.arange(ranked.shape[1], device=ranked.device) < kept[:, None]
    return _entropy(ranked, torch.ones_like(ranked), chosen, peers)
