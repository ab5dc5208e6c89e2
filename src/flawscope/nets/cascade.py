"""The shared cascade: one encoder, heads for the first two questions, a decoder for the third."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn
from torch.nn import functional

from flawscope.nets.encoder import Depthwise, build_encoder

EVIDENCE_STRIDE = 8


class Answers(NamedTuple):
    """Logits of one batch; channel 0 is "any defect at all", then one channel a kind.

    Attributes:
        whole: (n, 1 + k): the first two questions.
        evidence: (n, 1 + k, h / 8, w / 8): the located evidence that ``whole`` is pooled from.
        masks: (n, 1 + k, h, w): the third question.
    """

    whole: Tensor
    evidence: Tensor
    masks: Tensor


def _improbable(inputs: int, outputs: int, *, kernel_size: int) -> nn.Conv2d:
    """A convolution of which every answer starts out improbable.

    Defects are rare (Lin et al. 2017, focal loss): the first steps would else be spent on
    unlearning a half.
    """
    convolution = nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2)
    nn.init.constant_(cast("Tensor", convolution.bias), -3.0)
    return convolution


class EvidenceHead(nn.Module):
    """Answers "defective?" and "which kinds?" from where the evidence lies.

    Features at strides 8, 16 and 32 are summed into a map of logits at stride 8. The answer for
    the whole image is a soft maximum over that map, so that it always rests on a place: a surface
    that merely looks like those that had defects gives no evidence anywhere.
    """

    def __init__(self, channels: list[int], answers: int, width: int = 96) -> None:
        super().__init__()
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
        self.evidence = _improbable(width, answers, kernel_size=1)
        self.sharpness = nn.Parameter(torch.full((answers,), 1.0))
        self.offset = nn.Parameter(torch.zeros(answers))

    def forward(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (n, answers) and the evidence (n, answers, h / 8, w / 8) they rest on."""
        maps = [narrow(feature) for narrow, feature in zip(self.narrow, features, strict=True)]
        total = maps[0]
        for depth, coarse in enumerate(maps[1:], start=1):
            total = total + functional.interpolate(
                coarse, scale_factor=float(2**depth), mode="nearest"
            )
        evidence = self.evidence(self.drop(self.mix(total))).float()
        flat = evidence.flatten(2)
        # A softmax in full: OpenVINO 2026.4 joins one with the sum after it, wrongly for batches.
        weights = (flat - flat.amax(dim=2, keepdim=True).detach()).exp()
        pooled = (weights * flat).sum(dim=2) / weights.sum(dim=2)
        return pooled * self.sharpness + self.offset, evidence


class SharedCascade(nn.Module):
    """One encoder, three answers.

    Args:
        kinds: how many kinds of defect.
        encoder: a timm encoder's name.
        decoder_channels: of the U-Net decoder (Ronneberger et al. 2015) at strides 16, 8, 4 and 2.
        pretrained: start the encoder from ImageNet weights.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        kinds: int,
        *,
        encoder: str,
        decoder_channels: tuple[int, ...],
        pretrained: bool = True,
    ) -> None:
        super().__init__()
        answers = 1 + kinds
        self.encoder = build_encoder(encoder, pretrained=pretrained)
        channels = self.encoder.out_channels
        self.head = EvidenceHead(channels[3:], answers)
        self.decoder = UnetDecoder(
            encoder_channels=channels,
            decoder_channels=decoder_channels,
            n_blocks=len(decoder_channels),
            use_norm="batchnorm",
            attention_type=None,
            add_center_block=False,
        )
        # The last doubling is sub-pixel (Shi et al. 2016): a convolution at full resolution would
        # cost more than the rest of the decoder.
        self.segment = nn.Sequential(
            _improbable(decoder_channels[-1], 4 * answers, kernel_size=3),
            nn.PixelShuffle(2),
        )
        self.register_buffer("mean", torch.tensor(self.encoder.mean).view(1, 3, 1, 1) * 255.0)
        self.register_buffer("std", torch.tensor(self.encoder.std).view(1, 3, 1, 1) * 255.0)

    def features(self, image: Tensor) -> list[Tensor]:
        """Feature maps at strides 2 to 32 of images uint8 (n, h, w, 3), sides multiples of 32."""
        normal = (image.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return list(self.encoder(normal)[1:])

    def whole(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Logits of the first two questions, and the evidence for them."""
        logits, evidence = self.head(features[2:])
        return logits, evidence

    def masks(self, features: list[Tensor]) -> Tensor:
        """Logits of the third question: (n, 1 + k, h, w)."""
        # smp's decoders expect the input image in first place and never look at it.
        logits: Tensor = self.segment(self.decoder([features[0], *features]))
        return logits.float()

    def forward(self, image: Tensor) -> Answers:
        """All three answers, for training."""
        features = self.features(image)
        whole, evidence = self.whole(features)
        return Answers(whole, evidence, self.masks(features))
