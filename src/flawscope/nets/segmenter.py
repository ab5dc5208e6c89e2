"""Segmenters: masks from an encoder and a decoder of their own."""

from __future__ import annotations

from typing import ClassVar, cast

from torch import Tensor, nn

from flawscope.nets.decoders import DEFAULT_DECODER, SMALLEST, build_decoder, decoded, output_stride
from flawscope.nets.encoder import build_encoder
from flawscope.nets.network import Answers, Network


class Segmenter(Network):
    """An encoder and a decoder, for the third question.

    Args:
        channels: of which answers it draws masks.
        encoder: a timm encoder's name.
        decoder: a key of ``DECODERS``.
        decoder_channels: of the U-Net decoder at strides 16, 8, 4 and 2.
        pretrained: start the encoder from ImageNet weights.
    """

    by_answer: ClassVar[frozenset[str]] = frozenset({"segment.0.weight", "segment.0.bias"})

    def __init__(
        self,
        channels: tuple[int, ...],
        *,
        encoder: str,
        decoder_channels: tuple[int, ...],
        decoder: str = DEFAULT_DECODER,
        pretrained: bool = True,
    ) -> None:
        stride = output_stride(decoder)
        built = build_encoder(encoder, pretrained=pretrained, output_stride=stride)
        super().__init__(channels, built.mean, built.std)
        self.encoder = cast("nn.Module", built)
        parts = build_decoder(decoder, encoder, built.out_channels, len(channels), decoder_channels)
        self.decoder, self.segment, self.depth = parts
        self.smallest = max(self.smallest, SMALLEST.get(decoder, 0))

    def masks(self, image: Tensor) -> Tensor:
        """Logits (n, c, h, w)."""
        features = list(self.encoder(self.normal(image))[1:])
        return decoded(self.decoder, self.segment, features[: self.depth])

    def forward(self, image: Tensor) -> Answers:
        """The masks."""
        return Answers(masks=self.masks(image))
