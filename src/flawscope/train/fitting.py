"""Whether a network takes the sizes of picture that it will be given."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from flawscope.errors import TrainingError
from flawscope.nets import MaskRCNN, Network
from flawscope.nets.encoder import STRIDE

_SIDES = (64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512)
"""Of crops, tried where the recipe's do not fit."""

_ALIKE = 1e-3
"""Logits that differ by less are the same."""

_ANOTHER = "Choose an encoder that takes any size, such as a convolutional one"


def refuse_misfit(network: Network, size: int) -> None:
    """Raises TrainingError unless a network takes crops of a size, and pictures of any other.

    Args:
        network: any.
        size: side of the crops, in pixels.
    """
    if not _takes(network, size):
        fitting = [str(side) for side in _SIDES if all(_takes(network, one) for one in _near(side))]
        raise TrainingError(
            f"the network takes no crops of {size} pixels",
            where="crops.size" if fitting else "encoder.name",
            remedy=f"Set it to {' or '.join(fitting)}" if fitting else _ANOTHER,
        )
    for side in _near(size)[1:]:
        if not _takes(network, side):
            raise TrainingError(
                f"the network takes pictures of {size} x {size} pixels, none of {side} x {side}",
                where="encoder.name",
                remedy=_ANOTHER,
            )
    if not _keeps_no_size(network, size):
        raise TrainingError(
            "the network, once exported, takes pictures of one size alone",
            where="encoder.name",
            remedy=_ANOTHER,
        )


def _near(size: int) -> tuple[int, ...]:
    """A size and others that must do as well: pictures come in all multiples of the stride."""
    return size, size + STRIDE, 2 * size


def _takes(network: Network, side: int) -> bool:
    try:
        masks = _Answers(network)(_image(network, side))[-1]
    except (AssertionError, RuntimeError, ValueError):  # as timm, smp and torch say it
        return False
    return masks.ndim < 4 or tuple(masks.shape[-2:]) == (side, side)


def _keeps_no_size(network: Network, size: int) -> bool:
    """Whether what is recorded of a network at one size, as for exporting, holds at another."""
    if isinstance(network, MaskRCNN):  # whose authors export it in a way of its own
        return True
    answers, other = _Answers(network), _image(network, size + STRIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sizes that are kept, which is the question
        try:
            recorded = torch.jit.trace(  # type: ignore[no-untyped-call]
                answers, _image(network, size), check_trace=False
            )
            found = recorded(other)
        except Exception:  # noqa: BLE001 - whatever the network's own code raises, it is not exported
            return False
    pairs = zip(found, answers(other), strict=True)
    return all(
        one.shape == right.shape and torch.allclose(one, right, atol=_ALIKE) for one, right in pairs
    )


def _image(network: Network, side: int) -> Tensor:
    pixels = torch.arange(side * side * 3, device=network.mean.device) % 251
    return pixels.to(torch.uint8).reshape(1, side, side, 3)


class _Answers(nn.Module):
    """What a network answers as it stands, put back afterwards into the mode it was in."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    @torch.no_grad()
    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """The logits there are, masks last; ``image`` is uint8 (1, side, side, 3)."""
        training = self.network.training
        try:
            found = self.network.eval()(image)
        finally:
            self.network.train(training)
        return tuple(one for one in found if one is not None)
