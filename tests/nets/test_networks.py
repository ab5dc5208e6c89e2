"""Classifiers, segmenters and decoders: shapes, odds, and the same answers from engines."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from flawscope.errors import TrainingError  # noqa: E402
from flawscope.nets import (  # noqa: E402
    DECODERS,
    Classifier,
    Segmenter,
    SharedCascade,
    export,
    load_from_graphs,
)
from flawscope.nets.classifier import _log_odds  # noqa: E402
from flawscope.nets.decoders import GridMean  # noqa: E402
from flawscope.nets.eager import eager_graphs  # noqa: E402
from flawscope.runtime import load_graph  # noqa: E402

pytestmark = pytest.mark.train

KINDS = ("pit", "scratch")
SMALL = "mobilenetv3_small_050"
WIDTHS = (16, 16, 8, 8)
SIZES = ((128, 192), (192, 160))


def image(height: int, width: int, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (1, height, width, 3))
    return pixels.astype(np.uint8)


def halved(network: torch.nn.Module) -> torch.nn.Module:
    """With weights that float16 can hold, so that storing them changes nothing."""
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim > 1:
                tensor.copy_(tensor.half())
    return network.eval()


def test_all_of_smps_decoders_are_there_but_the_one_for_transformers() -> None:
    import segmentation_models_pytorch as smp

    assert set(DECODERS) == set(smp.MODEL_ARCHITECTURES_MAPPING) - {"dpt"}


@pytest.mark.parametrize("decoder", sorted(DECODERS))
def test_every_decoder_draws_the_same_masks_in_an_engine(decoder: str) -> None:
    torch.manual_seed(1)
    network = halved(
        Segmenter((2,), encoder=SMALL, decoder=decoder, decoder_channels=WIDTHS, pretrained=False)
    )
    (stage,), graphs = export(network, KINDS, "locate-2")
    assert (stage.name, stage.outputs, stage.channels) == ("locate-2", ("masks",), ("scratch",))
    run = load_graph("onnxruntime", graphs[stage.graph], 1, stage.graph)
    for size in SIZES:
        pixels = image(*size)
        with torch.no_grad():
            expected = torch.sigmoid(network(torch.from_numpy(pixels)).masks).numpy()
        assert expected.shape == (1, 1, *size)
        found = run({"image": pixels})["masks"]
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("decoder", ["pspnet", "deeplabv3plus", "fpn"])
def test_the_shared_cascade_takes_other_decoders(decoder: str) -> None:
    torch.manual_seed(1)
    cascade = halved(
        SharedCascade(2, encoder=SMALL, decoder=decoder, decoder_channels=WIDTHS, pretrained=False)
    )
    (encoder, decode), graphs = export(cascade, KINDS, "shared")
    pixels = image(128, 192)
    with torch.no_grad():
        expected = cascade(torch.from_numpy(pixels))
    first = load_graph("onnxruntime", graphs[encoder.graph], 1, encoder.graph)({"image": pixels})
    given = {name: first[name] for name in decode.inputs}
    masks = load_graph("onnxruntime", graphs[decode.graph], 1, decode.graph)(given)["masks"]
    np.testing.assert_allclose(masks, torch.sigmoid(expected.masks).numpy(), atol=1e-4)
    np.testing.assert_allclose(first["screen"], torch.sigmoid(expected.whole[:, 0]), atol=1e-4)


@pytest.mark.parametrize(
    ("channels", "outputs"),
    [((0,), ("screen",)), ((1, 2), ("kinds",)), ((0, 1, 2), ("screen", "kinds"))],
)
def test_a_classifier_answers_the_questions_it_is_made_for(
    channels: tuple[int, ...], outputs: tuple[str, ...]
) -> None:
    torch.manual_seed(2)
    network = halved(
        Classifier(channels, encoder=SMALL, exclusive=len(channels) == 3, pretrained=False)
    )
    (stage,), graphs = export(network, KINDS, "named")
    assert (stage.outputs, stage.channels) == (outputs, ())
    run = load_graph("openvino", graphs[stage.graph], 1, stage.graph)
    pixels = image(64, 64)
    with torch.no_grad():
        answers = network(torch.from_numpy(pixels))
    assert answers.masks is None
    assert answers.whole.shape == (1, len(channels))
    found = run({"image": pixels})
    joined = np.concatenate([found[name].reshape(1, -1) for name in outputs], axis=1)
    np.testing.assert_allclose(joined, torch.sigmoid(answers.whole).numpy(), atol=1e-4)


def test_exclusive_answers_are_the_odds_of_a_softmax() -> None:
    scores = torch.tensor([[2.0, -1.0, 0.5], [30.0, -40.0, 0.0]])
    chances = torch.softmax(scores, dim=1)
    answers = torch.sigmoid(_log_odds(scores))
    torch.testing.assert_close(answers[:, 1:], chances[:, 1:])
    torch.testing.assert_close(answers[:, 0], 1.0 - chances[:, 0], atol=1e-6, rtol=0)


def test_a_classifier_comes_back_from_its_graph_with_kinds_matched_by_name() -> None:
    torch.manual_seed(3)
    network = halved(Classifier((1, 2), encoder=SMALL, pretrained=False))
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(("running_mean", "bias")):  # as after training: no two are equal
                tensor.add_(torch.randn_like(tensor) * 0.1)
            elif name.endswith("running_var") or (tensor.ndim == 1 and name.endswith("weight")):
                tensor.mul_(torch.rand_like(tensor) + 0.5)
    _, graphs = export(network, KINDS, "kinds")
    other = Classifier((1, 2, 3), encoder=SMALL, pretrained=False)
    load_from_graphs(
        other, graphs.values(), old_answers=KINDS, new_answers=("dent", "scratch", "pit")
    )
    for new, old in ((1, 1), (2, 0)):
        assert torch.equal(other.answer.weight[new], network.answer.weight[old])
    assert torch.equal(
        other.encoder.state_dict()["conv_stem.weight"],
        network.encoder.state_dict()["conv_stem.weight"],
    )


@pytest.mark.parametrize(
    ("height", "width", "cells"), [(7, 10, 3), (6, 6, 6), (2, 5, 1), (3, 4, 6)]
)
def test_means_over_a_grid_are_those_of_adaptive_pooling(
    height: int, width: int, cells: int
) -> None:
    maps = torch.randn(2, 3, height, width)
    expected = torch.nn.AdaptiveAvgPool2d(cells)(maps)
    torch.testing.assert_close(GridMean(cells)(maps), expected, atol=1e-5, rtol=1e-5)


def test_what_does_not_exist_is_refused_with_what_does() -> None:
    with pytest.raises(TrainingError, match="no decoder 'unett'") as caught:
        Segmenter((0,), encoder=SMALL, decoder="unett", decoder_channels=WIDTHS, pretrained=False)
    assert "unet" in str(caught.value)
    with pytest.raises(TrainingError, match="could not be made"):
        Segmenter((0,), encoder="vit_tiny_patch16_224", decoder_channels=WIDTHS, pretrained=False)


@pytest.mark.parametrize("answer", ["screen", "kinds", "classes", "locate"])
def test_the_stage_of_a_network_answers_in_torch_as_in_an_engine(answer: str) -> None:
    networks = {
        "screen": lambda: Classifier((0,), encoder=SMALL, pretrained=False),
        "kinds": lambda: Classifier((1, 2), encoder=SMALL, pretrained=False),
        "classes": lambda: Classifier((0, 1, 2), encoder=SMALL, exclusive=True, pretrained=False),
        "locate": lambda: Segmenter(
            (1,), encoder=SMALL, decoder="unet", decoder_channels=WIDTHS, pretrained=False
        ),
    }
    torch.manual_seed(2)
    network = halved(networks[answer]())
    stages, graphs = export(network, KINDS, answer)
    (eager,) = eager_graphs(network, stages).values()
    given = eager({"image": image(64, 96)})
    assert tuple(given) == stages[0].outputs
    found = load_graph("onnxruntime", graphs[stages[0].graph], 1, answer)({"image": image(64, 96)})
    for name, values in found.items():
        np.testing.assert_allclose(given[name], values, atol=1e-4)
