"""Export: the same answers in every engine, and weights that come back from the file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import onnx  # noqa: E402

from flawscope.errors import TrainingError  # noqa: E402
from flawscope.nets import Classifier, SharedCascade, export, load_from_graphs  # noqa: E402
from flawscope.nets.eager import eager_graphs  # noqa: E402
from flawscope.nets.quantising import quantised  # noqa: E402
from flawscope.runtime import load_graph  # noqa: E402
from flawscope.values import Stage  # noqa: E402

pytestmark = pytest.mark.train

KINDS = ("pit", "scratch", "stain")
ANSWERS = ("", *KINDS)
ENGINES = ("onnxruntime", "openvino")
TOLERANCE = 1e-4
SIZES = ((1, 64, 64), (1, 96, 160), (1, 256, 32))
"""One image at a time, as the runtime asks."""
Exported = tuple[SharedCascade, tuple[Stage, ...], Mapping[str, bytes]]


def built(kinds: int, *, decoder: tuple[int, ...] = (16, 16, 8, 8)) -> SharedCascade:
    return SharedCascade(
        kinds, encoder="tf_efficientnet_lite0", decoder_channels=decoder, pretrained=True
    )


def lively(cascade: SharedCascade, seed: int) -> SharedCascade:
    """As after some training, so that nothing is merely zero; weights that float16 can hold."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, tensor in cascade.state_dict().items():
            if tensor.is_floating_point() and not name.startswith("encoder."):
                if name.endswith("running_var"):
                    tensor.uniform_(0.5, 1.5)
                elif name not in ("mean", "std"):
                    tensor.add_(torch.randn_like(tensor) * 0.05)
            if tensor.ndim > 1:
                tensor.copy_(tensor.half())
    return cascade.eval()


@pytest.fixture(scope="module")
def exported() -> Exported:
    cascade = lively(built(len(KINDS)), 0)
    stages, graphs = export(cascade, KINDS, "shared")
    return cascade, stages, graphs


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_answer_as_torch_does_at_any_size(exported: Exported, engine: str) -> None:
    cascade, stages, graphs = exported
    encode, decode = (load_graph(engine, graphs[stage.graph], 1, stage.graph) for stage in stages)
    rng = np.random.default_rng(3)
    for count, height, width in SIZES:
        image = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
        with torch.no_grad():
            expected = cascade(torch.from_numpy(image))
        found = {name: value.copy() for name, value in encode({"image": image}).items()}
        masks = decode({name: found[name] for name in stages[1].inputs})["masks"]
        whole = torch.sigmoid(expected.whole).numpy()
        assert found["screen"].shape == (count,)
        np.testing.assert_allclose(found["screen"], whole[:, 0], atol=TOLERANCE)
        np.testing.assert_allclose(found["kinds"], whole[:, 1:], atol=TOLERANCE)
        np.testing.assert_allclose(masks, torch.sigmoid(expected.masks).numpy(), atol=TOLERANCE)
        assert masks.std() > 1e-3


@pytest.mark.parametrize("decoder", ["unet", "fpn", "linknet"])
def test_stages_in_torch_answer_as_the_whole_network(decoder: str) -> None:
    """Whatever feature maps a decoder takes, and whichever of them its graph has as inputs."""
    network = lively(
        SharedCascade(
            2,
            encoder="tf_efficientnet_lite0",
            decoder=decoder,
            decoder_channels=(16, 16, 8, 8),
            pretrained=False,
        ),
        1,
    )
    stages, _ = export(network, KINDS[:2], "shared")
    eager = eager_graphs(network, stages)
    image = np.random.default_rng(4).integers(0, 256, (1, 64, 96, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = network(torch.from_numpy(image))
    given = eager["encoder"]({"image": image})
    masks = eager["decoder"]({name: given[name] for name in stages[1].inputs})["masks"]
    whole = torch.sigmoid(expected.whole).numpy()
    np.testing.assert_allclose(given["screen"], whole[:, 0], atol=1e-6)
    np.testing.assert_allclose(given["kinds"], whole[:, 1:], atol=1e-6)
    np.testing.assert_allclose(masks, torch.sigmoid(expected.masks).numpy(), atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_int8_runs_on_both_engines_near_float32(exported: Exported, engine: str) -> None:
    _, stages, graphs = exported
    rng = np.random.default_rng(5)
    images = [rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8) for _ in range(4)]
    encode = load_graph(engine, graphs["encoder.onnx"], 1, "encoder.onnx")
    names = stages[1].inputs
    examples = []
    for image in images:
        given = encode({"image": image})
        examples.append({name: given[name].copy() for name in names})
    low = quantised(graphs["decoder.onnx"], examples)
    assert len(low) < len(graphs["decoder.onnx"])
    kinds = {node.op_type for node in onnx.load_from_string(low).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    ours, theirs = (
        load_graph(engine, graph, 1, "decoder")(examples[0])["masks"].copy()
        for graph in (graphs["decoder.onnx"], low)
    )
    assert 0.0 < np.abs(ours - theirs).max() < 0.1


def test_int8_leaves_probabilities_as_fine_as_they_are(exported: Exported) -> None:
    _, stages, graphs = exported
    image = {"image": np.random.default_rng(6).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)}
    features = load_graph("onnxruntime", graphs["encoder.onnx"], 1, "encoder.onnx")(image)
    given = {name: features[name] for name in stages[1].inputs}
    network = Classifier(
        (0, 1, 2, 3), encoder="mobilenetv3_small_050", exclusive=True, pretrained=False
    )
    _, classes = export(network.eval(), KINDS, "classes")
    for graph, example in (
        (graphs["encoder.onnx"], image),
        (graphs["decoder.onnx"], given),
        (classes["classes.onnx"], image),
    ):
        nodes = onnx.load_from_string(quantised(graph, [example])).graph.node
        maker = {name: node for node in nodes for name in node.output}
        answers = {"screen", "kinds", "masks"} & maker.keys()
        assert answers
        while answers:
            node = maker[answers.pop()]
            assert node.op_type not in ("QuantizeLinear", "DequantizeLinear")
            if node.op_type not in ("Sigmoid", "Softmax"):  # what only passes them on
                answers |= set(node.input) & maker.keys()


def test_the_image_goes_in_as_bytes(exported: Exported) -> None:
    _, stages, graphs = exported
    (image,) = onnx.load_from_string(graphs["encoder.onnx"]).graph.input
    assert image.name == "image"
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    dimensions = image.type.tensor_type.shape.dim
    assert [one.dim_param or one.dim_value for one in dimensions] == ["n", "height", "width", 3]
    assert stages[0].inputs == ("image",)
    assert stages[1].channels == ("defect", *KINDS)
    assert set(stages[1].inputs) <= set(stages[0].outputs)


def test_halving_the_weights_hardly_moves_an_answer() -> None:
    cascade = built(1).eval()
    image = torch.from_numpy(np.random.default_rng(5).integers(0, 256, (1, 64, 64, 3), np.uint8))
    with torch.no_grad():
        before = cascade(image)
        for tensor in cascade.state_dict().values():
            if tensor.ndim > 1:
                tensor.copy_(tensor.half())
        after = cascade(image)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(torch.sigmoid(one), torch.sigmoid(other), atol=1e-3, rtol=0)


def test_weights_at_rest_take_two_bytes(exported: Exported) -> None:
    cascade, _, graphs = exported
    weights = sum(weight.numel() for weight in cascade.parameters())
    assert sum(map(len, graphs.values())) < 2.3 * weights + 200_000
    for graph in graphs.values():
        for tensor in onnx.load_from_string(graph).graph.initializer:
            assert tensor.data_type != onnx.TensorProto.FLOAT or len(tensor.dims) < 2


def test_a_network_comes_back_from_its_graphs(exported: Exported) -> None:
    cascade, _, graphs = exported
    restored = built(len(KINDS))
    load_from_graphs(restored, graphs.values(), old_answers=ANSWERS, new_answers=ANSWERS)
    for name, tensor in cascade.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(restored.state_dict()[name], tensor), name


def test_kinds_are_matched_by_name(exported: Exported) -> None:
    cascade, _, graphs = exported
    new = ("stain", "dent", "pit")
    restored = built(len(new))
    fresh = {name: tensor.clone() for name, tensor in restored.state_dict().items()}
    load_from_graphs(restored, graphs.values(), old_answers=ANSWERS, new_answers=("", *new))
    ours, theirs = restored.state_dict(), cascade.state_dict()
    for name, rows in (("head.evidence.weight", 1), ("head.offset", 1), ("segment.0.bias", 4)):
        for place, old in ((0, 0), (1, 3), (3, 1)):  # any defect, stain, pit
            kept = ours[name][place * rows : (place + 1) * rows]
            was = theirs[name][old * rows : (old + 1) * rows]
            assert torch.equal(kept, was)
        dent = slice(2 * rows, 3 * rows)
        assert torch.equal(ours[name][dent], fresh[name][dent])


def test_a_network_built_otherwise_is_refused(exported: Exported) -> None:
    _, _, graphs = exported
    other = built(len(KINDS), decoder=(24, 16, 8, 8))
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    with pytest.raises(TrainingError, match=r"decoder\.") as caught:
        load_from_graphs(other, graphs.values(), old_answers=ANSWERS, new_answers=ANSWERS)
    assert caught.value.where == "--from"
    assert all(torch.equal(tensor, before[name]) for name, tensor in other.state_dict().items())


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_of_no_kinds_can_be_run(engine: str) -> None:
    cascade = lively(built(0), 1)
    stages, graphs = export(cascade, (), "shared")
    encode, decode = (load_graph(engine, graphs[stage.graph], 1, stage.graph) for stage in stages)
    image = np.full((1, 64, 64, 3), 90, dtype=np.uint8)
    found = {name: value.copy() for name, value in encode({"image": image}).items()}
    masks = decode({name: found[name] for name in stages[1].inputs})["masks"]
    assert stages[1].channels == ("defect",)
    assert masks.shape == (1, 1, 64, 64)
    with torch.no_grad():
        expected = torch.sigmoid(cascade(torch.from_numpy(image)).whole)
    np.testing.assert_allclose(found["screen"], expected[:, 0].numpy(), atol=TOLERANCE)


def test_export_leaves_a_module_that_can_be_exported_again(exported: Exported) -> None:
    cascade, _, graphs = exported
    assert not cascade.training
    again = export(cascade, KINDS, "shared")[1]
    assert dict(again) == dict(graphs)
