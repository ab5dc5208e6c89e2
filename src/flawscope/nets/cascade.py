"""The shared cascade: one encoder, heads for the first two questions, a decoder for the third."""

from __future__ import annotations

from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from flawscope.nets.decoders import (
    DEFAULT_DECODER,
    SMALLEST,
    build_decoder,
    decoded,
    improbable,
    output_stride,
)
from flawscope.nets.encoder import Depthwise, build_encoder
from flawscope.nets.network import Answers, Network

EVIDENCE_STRIDE = 8


class EvidenceHead(nn.Module):
    """Answers "defective?" and "which kinds?" from where the evidence lies.

    The last three feature maps are summed into a map of logits at stride 8. The answer for the
    whole image is a soft maximum over that map, so that it always rests on a place: a surface that
    merely looks like those that had defects gives no evidence anywhere.

    Args:
        channels: of the three feature maps.
        answers: how many.
        width: of the sum.
        strides: of the three feature maps.
    """

    def __init__(
        self,
        channels: list[int],
        answers: int,
        width: int = 96,
        strides: tuple[int, ...] = (8, 16, 32),
    ) -> None:
        super().__init__()
        self.scales = [stride / EVIDENCE_STRIDE for stride in strides]
        self.narrow = nn.ModuleList(
            nn.Conv2d(count, width, kernel_size=1, bias=False) for count in channels
        )
        self.mix = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            Depthwise(width, width, kernel_size=3, padding=1, groups=width, bias=False),
            nn.Conv2d(width, width, kernel_size=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.drop = nn.Dropout2d(0.1)
        self.evidence = improbable(width, answers, kernel_size=1)
        self.sharpness = nn.Parameter(torch.full((answers,), 1.0))
        self.offset = nn.Parameter(torch.zeros(answers))

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (n, answers) and the evidence (n, answers, h / 8, w / 8) they rest on."""
        maps = [narrow(feature) for narrow, feature in zip(self.narrow, features, strict=True)]
        total = maps[0]
        for coarse, scale in zip(maps[1:], self.scales[1:], strict=True):
            if scale > 1:
                coarse = functional.interpolate(coarse, scale_factor=scale, mode="nearest")
            total = total + coarse
        evidence = self.evidence(self.drop(self.mix(total))).float()
        flat = evidence.flatten(2)
        # A softmax in full: OpenVINO 2026.4 joins one with the sum after it, wrongly for batches.
        weights = (flat - flat.amax(dim=2, keepdim=True).detach()).exp()
        pooled = (weights * flat).sum(dim=2) / weights.sum(dim=2)
        return pooled * self.sharpness + self.offset, evidence


class SharedCascade(Network):
    """One encoder, three answers.

    Args:
        kinds: how many kinds of defect.
        encoder: a timm encoder's name.
        decoder: a key of ``DECODERS``.
        decoder_channels: of the U-Net decoder at strides 16, 8, 4 and 2.
        pretrained: start the encoder from ImageNet weights.
    """

    by_answer: ClassVar[frozenset[str]] = frozenset(
        {
            *("head.evidence.weight", "head.evidence.bias", "head.sharpness", "head.offset"),
            *("segment.0.weight", "segment.0.bias"),
        }
    )

    def __init__(
        self,
        kinds: int,
        *,
        encoder: str,
        decoder_channels: tuple[int, ...],
        decoder: str = DEFAULT_DECODER,
        pretrained: bool = True,
    ) -> None:
        answers = 1 + kinds
        last = output_stride(decoder)
        built = build_encoder(encoder, pretrained=pretrained, output_stride=last)
        super().__init__(tuple(range(answers)), built.mean, built.std)
        channels = built.out_channels
        self.encoder = cast("nn.Module", built)
        strides = tuple(min(stride, last) for stride in (8, 16, 32))
        self.head = EvidenceHead(channels[3:], answers, strides=strides)
        parts = build_decoder(decoder, encoder, channels, answers, decoder_channels)
        self.decoder, self.segment, self.depth = parts
        self.smallest = max(self.smallest, SMALLEST.get(decoder, 0))

    def features(self, image: Tensor) -> list[Tensor]:
        """Feature maps at strides 2 to 32 of images uint8 (n, h, w, 3), sides multiples of 32."""
        return list(self.encoder(self.normal(image))[1:])

    def whole(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits of the first two questions, and the evidence for them."""
        logits, evidence = self.head(features[2:])
        return logits, evidence

    def masks(self, features: list[Tensor]) -> Tensor:
        """Logits of the third question: (n, 1 + k, h, w)."""
        return decoded(self.decoder, self.segment, features[: self.depth])

    def forward(self, image: Tensor) -> Answers:
        """All three answers, for training."""
        features = self.features(image)
        whole, evidence = self.whole(features)
        return Answers(whole, evidence, self.masks(features))
