"""What every network of a cascade is: images in, some of the cascade's answers out."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn


class Answers(NamedTuple):
    """Logits of one batch, a channel for each of the network's ``channels``.

    Attributes:
        whole: (n, c): is it shown anywhere? ``None`` from a network that only locates.
        evidence: (n, c, h / s, w / s): located evidence that ``whole`` is pooled from, at the
            network's own stride s, where it has any.
        masks: (n, c, h, w): where is it? ``None`` from a network that only classifies.
    """

    whole: Tensor | None = None
    evidence: Tensor | None = None
    masks: Tensor | None = None


class Network(nn.Module):
    """Some of a cascade's answers, from images.

    Attributes:
        channels: which answers it gives, in order: 0 is "any defect at all", then one a kind.
        encoder: its part that starts from ImageNet weights.
        by_answer: names of tensors that have rows for each of the channels.
        smallest: side of image, in pixels, that it needs at least.
        rate: the share of a recipe's learning rate that it learns at.
        mean, std: of the normalisation that the encoder expects, for pixels from 0 to 255.
    """

    by_answer: ClassVar[frozenset[str]] = frozenset()
    smallest: int = 64
    rate: ClassVar[float] = 1.0

    encoder: nn.Module
    mean: Tensor
    std: Tensor

    def __init__(
        self, channels: tuple[int, ...], mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255.0)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255.0)

    def normal(self, image: Tensor) -> Tensor:
        """Images uint8 (n, h, w, 3), sides multiples of 32, as the encoder takes them."""
        return (image.permute(0, 3, 1, 2).float() - self.mean) / self.std

    def forward(self, image: Tensor) -> Answers:
        """Logits for images uint8 (n, h, w, 3)."""
        raise NotImplementedError
