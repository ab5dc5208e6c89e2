"""Classifiers: answers for the whole image from a timm network's pooled features."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from flawscope.nets.decoders import RARE
from flawscope.nets.encoder import build_trunk
from flawscope.nets.network import Answers, Network


class Classifier(Network):
    """A timm network and one linear layer, for the first two questions or one of them.

    Args:
        channels: which answers.
        encoder: a timm model's name.
        exclusive: an image is of one class only: good, or one of the kinds. The layer then has a
            class for good in place of "any defect", softmax makes probabilities of its scores, and
            the answers are their log odds.
        pretrained: start the encoder from ImageNet weights.
    """

    by_answer: ClassVar[frozenset[str]] = frozenset({"answer.weight", "answer.bias"})

    encoder: Any

    def __init__(
        self,
        channels: tuple[int, ...],
        *,
        encoder: str,
        exclusive: bool = False,
        pretrained: bool = True,
    ) -> None:
        trunk = build_trunk(encoder, pretrained=pretrained)
        super().__init__(channels, trunk.mean, trunk.std)
        self.encoder = trunk
        self.exclusive = exclusive
        self.answer = nn.Linear(trunk.head_hidden_size, len(channels))
        if not exclusive:
            nn.init.constant_(self.answer.bias, RARE)

    def features(self, image: Tensor) -> Tensor:
        """The last feature maps, (n, c, h, w) for convolutional networks."""
        features: Tensor = self.encoder.forward_features(self.normal(image))
        return features

    def whole(self, features: Tensor) -> Tensor:
        """Logits (n, c) from the last feature maps."""
        scores = self._scores(features)
        return _log_odds(scores) if self.exclusive else scores

    def _scores(self, features: Tensor) -> Tensor:
        scores: Tensor = self.answer(self.encoder.forward_head(features, pre_logits=True)).float()
        return scores

    def chances(self, features: Tensor) -> Tensor:
        """Probabilities (n, c) from the last feature maps; what sigmoid makes of ``whole``."""
        if not self.exclusive:
            return torch.sigmoid(self.whole(features))
        # Without the detour over log odds, which OpenVINO 2026.4 computes wrongly.
        classes = torch.softmax(self._scores(features), dim=1)
        return torch.cat([1.0 - classes[:, :1], classes[:, 1:]], dim=1)

    def forward(self, image: Tensor) -> Answers:
        """The answers for the whole image."""
        return Answers(whole=self.whole(self.features(image)))


def _log_odds(scores: Tensor) -> Tensor:
    """Log odds (n, c) of each class under softmax; of the first, that it is any of the others."""
    itself = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
    others = scores[:, None, :].masked_fill(itself, -torch.inf).logsumexp(dim=2)
    odds = scores - others
    return torch.cat([-odds[:, :1], odds[:, 1:]], dim=1)
