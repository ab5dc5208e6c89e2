"""Heatmaps from inside networks: against pytorch-grad-cam, and where the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from explain_parts import (  # noqa: E402
    KINDS,
    SMALL,
    classifier,
    classifier_recipe,
    founding_recipe,
    photograph,
    shared,
    shared_recipe,
    write,
)

from flawscope.errors import ExplanationError, ModelFileError  # noqa: E402
from flawscope.explain.activation import activation, cam, gradcam  # noqa: E402
from flawscope.nets import rebuild  # noqa: E402
from flawscope.runtime import Inspector  # noqa: E402

pytestmark = pytest.mark.train

SIZES = ((64, 64), (96, 160), (224, 128))


class _Floats(torch.nn.Module):
    """A classifier for floats (n, 3, h, w), which is what pytorch-grad-cam gives."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        normal = (image - self.network.mean) / self.network.std
        return self.network.whole(self.network.encoder.forward_features(normal))


def their_gradcam(network: torch.nn.Module, encoder: str, pixels: np.ndarray, place: int):
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    layers = {"resnet18": "layer4", "densenet121": "features", SMALL: "blocks"}
    target = network.encoder.get_submodule(layers[encoder])
    floats = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    with GradCAM(_Floats(network), [target]) as theirs:
        return theirs(floats, [ClassifierOutputTarget(place)])[0]


@pytest.mark.parametrize("encoder", ["resnet18", SMALL, "densenet121"])
def test_gradcam_is_that_of_pytorch_grad_cam(encoder: str) -> None:
    pytest.importorskip("pytorch_grad_cam")
    network = classifier((0, 1, 2), encoder)
    warm = 0
    for size in SIZES:
        pixels = photograph(*size)
        for place in range(3):
            look = gradcam(network, torch.from_numpy(pixels)[None], place)
            ours = torch.nn.functional.interpolate(look.values[None, None], size, mode="bilinear")
            theirs = their_gradcam(network, encoder, pixels, place)
            if theirs.any():
                warm += 1
                assert np.corrcoef(ours.numpy().ravel(), theirs.ravel())[0, 1] >= 0.99
            else:  # No place of random weights' features speaks for the answer.
                assert not ours.any()
    assert warm >= 4


@pytest.mark.parametrize("exclusive", [False, True])
def test_the_mean_of_a_class_activation_is_the_answer(exclusive: bool) -> None:
    network = classifier((0, 1, 2), "resnet18", exclusive=exclusive)
    image = torch.from_numpy(photograph(96, 128))[None]
    with torch.no_grad():
        features = network.features(image)
    for place in range(3):
        look = cam(network, image, place)
        answer = network.whole(features)[0, place].detach()
        assert look.probability == pytest.approx(float(torch.sigmoid(answer)), abs=1e-6)
        own = [
            network.whole(features[:, :, y : y + 1, x : x + 1])[0, place].detach()
            for y in range(3)
            for x in range(4)
        ]
        expected = torch.stack(own).clamp(min=0).reshape(3, 4)
        torch.testing.assert_close(look.values, expected, atol=1e-4, rtol=1e-4)
        if not exclusive:
            assert float(torch.stack(own).mean()) == pytest.approx(float(answer), abs=1e-4)


def test_heads_that_do_more_than_average_have_no_class_activation() -> None:
    image = torch.from_numpy(photograph(64, 64))[None]
    with pytest.raises(ExplanationError, match="gradcam or occlusion"):
        cam(classifier((0, 1), SMALL), image, 0)


def test_a_transformer_has_no_feature_maps() -> None:
    network = classifier_of_tokens()
    image = torch.from_numpy(photograph(160, 160))[None]
    for method in (cam, gradcam):
        with pytest.raises(ExplanationError, match=r"convolutional network.*Use occlusion"):
            method(network, image, 0)


def classifier_of_tokens() -> torch.nn.Module:
    from flawscope.nets import Classifier

    return Classifier((0,), encoder="test_vit", pretrained=False).eval()


class _Brightness(torch.nn.Module):
    """An encoder with one feature at stride 32: how bright it is there."""

    num_features = 1

    def forward_features(self, image: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(image.mean(dim=1, keepdim=True), 32)

    def forward_head(self, features: torch.Tensor, pre_logits: bool) -> torch.Tensor:
        assert pre_logits
        return features.mean(dim=(2, 3))


@pytest.mark.parametrize("method", [cam, gradcam])
def test_heat_follows_a_planted_patch(method) -> None:
    network = classifier((0, 1), "resnet18")
    network.encoder = _Brightness()
    network.answer = torch.nn.Linear(1, 2)
    with torch.no_grad():
        network.answer.weight[:] = torch.tensor([[1.0], [-1.0]])
        network.answer.bias[:] = 0.0
        network.mean[:], network.std[:] = 128.0, 64.0
    pixels = np.full((128, 160, 3), 60, dtype=np.uint8)
    for row, column in ((0, 3), (2, 1)):
        image = pixels.copy()
        image[32 * row : 32 * row + 32, 32 * column : 32 * column + 32] = 250
        tensor = torch.from_numpy(image)[None]
        bright = method(network, tensor, 0).values
        assert divmod(int(bright.argmax()), 5) == (row, column)
        assert np.count_nonzero(bright) == 1
        dark = method(network, tensor, 1).values
        assert float(dark[row, column]) == 0.0
        assert np.count_nonzero(dark) == 19


@pytest.mark.parametrize("method", ["cam", "gradcam"])
@pytest.mark.parametrize("size", [(64, 64), (70, 100), (200, 330)])
def test_images_of_any_size_score_as_they_are_inspected(
    method: str, size: tuple[int, int], tmp_path: Path
) -> None:
    bundle = write(tmp_path / "shared.flaw", {"shared": shared()}, shared_recipe())
    inspector = Inspector.load(bundle.path, engine="onnxruntime", threads=1)
    image = photograph(*size)
    score, kinds = inspector.probabilities(image)
    for kind, expected in ((None, score), *kinds.items()):
        found = activation(bundle, image, method, kind)
        assert (found.heat.dtype, found.heat.shape) == (np.float32, size)
        assert found.heat.min() >= 0.0
        assert found.heat.max() <= 1.0
        assert found.score == pytest.approx(expected, abs=2e-3)
        assert (found.method, found.kind) == (method, kind)
    assert found.most == (1.0 if method == "cam" else None)
    if method == "gradcam":
        assert found.heat.max() in {0.0, 1.0}


def test_a_cascade_shows_the_evidence_of_the_answer_asked_for() -> None:
    network = shared()
    image = torch.from_numpy(photograph(96, 128))[None]
    with torch.no_grad():
        evidence = network(image).evidence
    for place in range(1 + len(KINDS)):
        look = cam(network, image, place)
        torch.testing.assert_close(look.values, torch.sigmoid(evidence[0, place]))
        assert look.absolute


def test_each_answer_comes_from_the_network_that_gives_it(tmp_path: Path) -> None:
    networks = {
        "screen": classifier((0,), "resnet18"),
        "kinds": classifier((1, 2), SMALL),
    }
    bundle = write(tmp_path / "founding.flaw", networks, founding_recipe("resnet18", SMALL))
    image = photograph(64, 96)
    score, kinds = Inspector.load(bundle.path, engine="onnxruntime").probabilities(image)
    assert activation(bundle, image, "cam").score == pytest.approx(score, abs=2e-3)
    for kind, expected in kinds.items():
        found = activation(bundle, image, "gradcam", kind)
        assert found.score == pytest.approx(expected, abs=2e-3)
    with pytest.raises(ExplanationError, match="pit, scratch"):
        activation(bundle, image, "cam", "dent")


def test_an_exclusive_classifier_is_rebuilt(tmp_path: Path) -> None:
    network = classifier((0, 1, 2), "resnet18", exclusive=True)
    bundle = write(tmp_path / "classes.flaw", {"classes": network}, classifier_recipe("resnet18"))
    image = photograph(64, 64)
    score, kinds = Inspector.load(bundle.path, engine="onnxruntime").probabilities(image)
    assert activation(bundle, image, "cam").score == pytest.approx(score, abs=2e-3)
    found = activation(bundle, image, "cam", "scratch")
    assert found.score == pytest.approx(kinds["scratch"], abs=2e-3)


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({}, "has no recipe"),
        ({"kind": "forest"}, r"recipe\.kind"),
        ({"kind": "shared", "encoder": {"name": SMALL}}, r"recipe\.decoder"),
        ({**shared_recipe(), "encoder": {"name": "resnet1000"}}, "cannot be built here"),
        ({**shared_recipe(), "encoder": {"name": "resnet18"}}, "do not hold the weights"),
        (classifier_recipe(SMALL), "do not hold the weights"),
    ],
)
def test_files_that_do_not_say_what_they_hold_are_refused(
    recipe: dict[str, object], told: str, tmp_path: Path
) -> None:
    bundle = write(tmp_path / "shared.flaw", {"shared": shared()}, recipe)
    with pytest.raises(ModelFileError, match=told) as caught:
        rebuild(bundle.manifest, bundle.read, 0, where=bundle.path)
    assert str(bundle.path) in str(caught.value)
    assert "occlusion" in str(caught.value)
