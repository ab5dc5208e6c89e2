"""Decoders: from an encoder's feature maps to a logit a pixel; all of smp's by name."""

from __future__ import annotations

import difflib
from typing import Any, NamedTuple, cast

import segmentation_models_pytorch as smp
import torch
from segmentation_models_pytorch.decoders.pspnet.decoder import PSPBlock
from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder
from torch import Tensor, nn
from torch.nn import functional

from flawscope.errors import TrainingError

DEFAULT_DECODER = "unet"

DECODERS = {
    "unet": smp.Unet,
    "unetplusplus": smp.UnetPlusPlus,
    "manet": smp.MAnet,
    "linknet": smp.Linknet,
    "fpn": smp.FPN,
    "pspnet": smp.PSPNet,
    "pan": smp.PAN,
    "deeplabv3": smp.DeepLabV3,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "upernet": smp.UPerNet,
    "segformer": smp.Segformer,
}
"""By name; DPT is missing, for it works on the tokens of a transformer alone."""

_OUTPUT_STRIDE = {"deeplabv3": 8, "deeplabv3plus": 16, "pan": 16}
"""Decoders that take an encoder whose last feature maps keep this stride, by dilation."""

_DEPTH = {"pspnet": 3}
"""How many feature maps a decoder looks at, where not at all five."""

SMALLEST = {"pan": 128}
"""Sides of image that a decoder needs at least, where that is more than an encoder does."""

RARE = -3.0
"""Logit that every answer starts out at: defects are rare (Lin et al. 2017, focal loss), and the
first steps would else be spent on unlearning a half."""


class Decoder(NamedTuple):
    """The two modules that turn feature maps into logits.

    Attributes:
        decode: takes the input image, which it never looks at, and ``depth`` feature maps.
        segment: from what ``decode`` gives to logits (n, answers, h, w) at full size.
        depth: how many feature maps, from stride 2 on, are looked at.
    """

    decode: nn.Module
    segment: nn.Module
    depth: int


def decoded(decode: nn.Module, segment: nn.Module, features: list[Tensor]) -> Tensor:
    """Logits (n, answers, h, w) from the feature maps that a decoder looks at."""
    # smp's decoders expect the input image in first place.
    logits: Tensor = segment(decode([features[0], *features]))
    return logits.float()


def output_stride(decoder: str) -> int:
    """Stride of the last feature maps that a decoder is made for.

    Raises:
        TrainingError: there is no such decoder.
    """
    if decoder not in DECODERS:
        near = difflib.get_close_matches(decoder, DECODERS, n=3, cutoff=0.4) or list(DECODERS)
        raise TrainingError(
            f"there is no decoder {decoder!r}",
            where="decoder.name",
            remedy=f"Choose one such as {', '.join(near)}",
        )
    return _OUTPUT_STRIDE.get(decoder, 32)


def build_decoder(
    name: str,
    encoder: str,
    encoder_channels: list[int],
    answers: int,
    widths: tuple[int, ...],
) -> Decoder:
    """A decoder for an encoder's feature maps.

    Args:
        name: a key of ``DECODERS``.
        encoder: the timm encoder's name.
        encoder_channels: of the image and the feature maps at strides 2 to 32.
        answers: how many logits a pixel.
        widths: of the U-Net's (Ronneberger et al. 2015) blocks at strides 16, 8, 4 and 2; the
            others have widths of their own.

    Raises:
        TrainingError: there is no such decoder, or it cannot work on this encoder.
    """
    if name == DEFAULT_DECODER:
        return _unet(encoder_channels, answers, widths)
    stride = output_stride(name)
    options = {} if stride == 32 else {"encoder_output_stride": stride}
    try:
        model: Any = smp.create_model(
            name, encoder_name=f"tu-{encoder}", encoder_weights=None, classes=answers, **options
        )
    except Exception as error:
        raise TrainingError(
            f"the decoder {name!r} does not work on the encoder {encoder!r} ({error})",
            where="decoder.name",
            remedy=f"Use {DEFAULT_DECODER}, or another encoder",
        ) from error
    nn.init.constant_(cast("Tensor", model.segmentation_head[0].bias), RARE)
    _fit_pools(model.decoder)
    depth = _DEPTH.get(name, len(encoder_channels) - 1)
    strides = [min(2**level, stride) for level in range(1, depth + 1)]
    sizes = [
        (count, 128 // step) for count, step in zip(encoder_channels[1:], strides, strict=False)
    ]
    features = [torch.zeros(1, count, side, side) for count, side in sizes]
    segment = _at_full_size(model.decoder, model.segmentation_head, features)
    return Decoder(model.decoder, segment, depth)


def _at_full_size(decode: nn.Module, segment: Any, features: list[Tensor]) -> nn.Module:
    """The head ``segment``, made to give maps twice the size of the first feature map."""
    with torch.no_grad():
        found = decoded(decode.eval(), segment.eval(), features)
    for module in (decode, segment):
        module.train()
    scale = 2 * features[0].shape[-1] / found.shape[-1]
    if scale == 1.0:
        whole: nn.Module = segment
        return whole
    return nn.Sequential(*segment, nn.Upsample(scale_factor=scale, mode="bilinear"))


def _unet(encoder_channels: list[int], answers: int, widths: tuple[int, ...]) -> Decoder:
    decoder = UnetDecoder(
        encoder_channels=encoder_channels,
        decoder_channels=widths,
        n_blocks=len(widths),
        use_norm="batchnorm",
        attention_type=None,
        add_center_block=False,
    )
    # The last doubling is sub-pixel (Shi et al. 2016): a convolution at full resolution would
    # cost more than the rest of the decoder.
    segment = nn.Sequential(
        improbable(widths[-1], 4 * answers, kernel_size=3),
        nn.PixelShuffle(2),
    )
    return Decoder(decoder, segment, len(encoder_channels) - 1)


def improbable(inputs: int, outputs: int, *, kernel_size: int) -> nn.Conv2d:
    """A convolution of which every answer starts out improbable."""
    convolution = nn.Conv2d(inputs, outputs, kernel_size, padding=kernel_size // 2)
    nn.init.constant_(cast("Tensor", convolution.bias), RARE)
    return convolution


class GridMean(nn.Module):
    """Means over a grid of cells, as ``nn.AdaptiveAvgPool2d`` gives, for maps of any size.

    That one can be exported only for maps of one size. Here every cell's sum is the difference of
    two running sums, whose places are worked out from the size at hand.
    """

    def __init__(self, cells: int) -> None:
        super().__init__()
        self.cells = cells

    def forward(self, x: Tensor) -> Tensor:
        """Maps (n, c, h, w) to means (n, c, cells, cells)."""
        return self._along(self._along(x, 2), 3)

    def _along(self, x: Tensor, axis: int) -> Tensor:
        length = x.shape[axis]
        cells = torch.arange(self.cells, device=x.device)
        start = cells * length // self.cells
        stop = ((cells + 1) * length + self.cells - 1) // self.cells
        sums = x.float().cumsum(axis)
        sums = torch.cat([torch.zeros_like(sums.narrow(axis, 0, 1)), sums], axis)
        total = sums.index_select(axis, stop) - sums.index_select(axis, start)
        shape = [1, 1, 1, 1]
        shape[axis] = self.cells
        return (total / (stop - start).reshape(shape)).to(x.dtype)


class _PyramidLevel(nn.Module):
    """One level of pyramid pooling (Zhao et al. 2017) that can be exported for maps of any size."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        # Named as smp names them, so that weights are called the same.
        self.pool = nn.Sequential(GridMean(block.pool_size), block.pool[1])

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(
            self.pool(x), size=x.shape[2:], mode="bilinear", align_corners=True
        )


def _fit_pools(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, PSPBlock):
            setattr(module, name, _PyramidLevel(child))
        elif isinstance(child, nn.AdaptiveAvgPool2d) and isinstance(child.output_size, int):
            setattr(module, name, GridMean(child.output_size))
        else:
            _fit_pools(child)
