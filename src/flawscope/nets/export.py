"""Networks as ONNX graphs: uint8 image in, probabilities out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from flawscope.nets.cascade import SharedCascade
from flawscope.nets.classifier import Classifier
from flawscope.nets.mask_rcnn import MaskRCNN
from flawscope.nets.network import Network
from flawscope.nets.segmenter import Segmenter
from flawscope.values import UNNAMED, Stage

HALF_SUFFIX = "_half"
ROOT = "cascade."
"""Initialisers are named as the network's weights, after this and, in float16, with the suffix."""

_OPSET = 17
_EXAMPLE = 128


class _Encode(nn.Module):
    """Image to the first two answers, and the features that the third is decoded from."""

    def __init__(self, cascade: SharedCascade) -> None:
        super().__init__()
        self.cascade = cascade

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        features = self.cascade.features(image)
        whole = torch.sigmoid(self.cascade.whole(features)[0])
        return (whole[:, 0], whole[:, 1:], *features[: self.cascade.depth])


class _Decode(nn.Module):
    """Features to masks."""

    def __init__(self, cascade: SharedCascade) -> None:
        super().__init__()
        self.cascade = cascade

    def forward(self, *features: Tensor) -> Tensor:
        return torch.sigmoid(self.cascade.masks(list(features)))


class _Classify(nn.Module):
    """Image to the first two answers, or to one of them."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.cascade = classifier

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        whole = self.cascade.chances(self.cascade.features(image))
        screens = self.cascade.channels[0] == 0
        named = whole[:, 1:] if screens else whole
        return ((whole[:, 0],) if screens else ()) + ((named,) if named.shape[1] else ())


class _Segment(nn.Module):
    """Image to masks."""

    def __init__(self, segmenter: Segmenter) -> None:
        super().__init__()
        self.cascade = segmenter

    def forward(self, image: Tensor) -> Tensor:
        return torch.sigmoid(self.cascade.masks(image))


class _Detect(nn.Module):
    """One image to masks, by way of boxes."""

    def __init__(self, detector: MaskRCNN) -> None:
        super().__init__()
        self.cascade = detector

    def forward(self, image: Tensor) -> Tensor:
        return self.cascade.chances(image)


Exported = tuple[tuple[Stage, ...], Mapping[str, bytes]]
"""Stages for a manifest, and the bytes of each graph by file name."""


def export(network: Network, kinds: Sequence[str], name: str) -> Exported:
    """The graphs of a network, with weights stored as float16 and computed in float32.

    Args:
        network: trained; it is put into evaluation mode.
        kinds: names of the model's kinds; a channel c > 0 is of the kind c - 1.
        name: of the network's stage, where it is one stage.
    """
    network = network.eval().float().cpu().to(memory_format=torch.contiguous_format)
    image = torch.zeros((2, _EXAMPLE, _EXAMPLE, 3), dtype=torch.uint8)
    if isinstance(network, SharedCascade):
        return _shared(network, kinds, image)
    channels = tuple(kinds[channel - 1] if channel else UNNAMED for channel in network.channels)
    outputs: tuple[str, ...] = ("masks",)
    if isinstance(network, Classifier):
        screens = network.channels[0] == 0
        outputs = ("screen",) * screens + ("kinds",) * (len(channels) > screens)
    if isinstance(network, MaskRCNN):
        image = image[:1]
    stage = _stage(name, outputs, channels)
    return (stage,), {stage.graph: _graph(exportable(network), (image,), stage)}


def exportable(network: Network) -> nn.Module:
    """Image to probabilities, as the one graph of a network that has one."""
    if isinstance(network, Segmenter):
        return _Segment(network)
    if isinstance(network, MaskRCNN):
        return _Detect(network)
    if isinstance(network, Classifier):
        return _Classify(network)
    raise TypeError(type(network))


def _stage(name: str, outputs: tuple[str, ...], channels: tuple[str, ...] = ()) -> Stage:
    located = channels if "masks" in outputs else ()
    graph = f"{name}.onnx"
    return Stage(name=name, graph=graph, inputs=("image",), outputs=outputs, channels=located)


def _shared(cascade: SharedCascade, kinds: Sequence[str], image: Tensor) -> Exported:
    with torch.no_grad():
        features = cascade.features(image)[: cascade.depth]
    names = tuple(f"features_{depth}" for depth in range(1, len(features) + 1))
    decoder = Stage(
        name="decoder",
        graph="decoder.onnx",
        inputs=names,
        outputs=("masks",),
        channels=(UNNAMED, *kinds),
    )
    graph = _graph(_Decode(cascade), tuple(features), decoder)
    # Not every decoder looks at every feature map.
    used = tuple(one.name for one in onnx.load_from_string(graph).graph.input)
    decoder = decoder.model_copy(update={"inputs": used})
    encoder = Stage(
        name="encoder",
        graph="encoder.onnx",
        inputs=("image",),
        outputs=("screen", "kinds", *names),
    )
    encoder_graph = _graph(_Encode(cascade), (image,), encoder)
    return (encoder, decoder), {encoder.graph: encoder_graph, decoder.graph: graph}


def _graph(module: nn.Module, example: tuple[Tensor, ...], stage: Stage) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, but the new one turns scale factors into fixed sizes.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            example,
            stream,  # type: ignore[arg-type]  # torch types paths only
            input_names=list(stage.inputs),
            output_names=list(stage.outputs),
            dynamic_axes=_dynamic_axes(stage, batched=len(example[0]) > 1),
            opset_version=_OPSET,
            dynamo=False,
            # Weights stay under their own names, so that training can start from the file; the
            # engines fold normalisation into convolutions as they load it.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
        )
    model = onnx.load_from_string(stream.getvalue())
    _store_as_float16(model)
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _dynamic_axes(stage: Stage, *, batched: bool) -> dict[str, dict[int, str]]:
    axes: dict[str, dict[int, str]] = {}
    for name in (*stage.inputs, *stage.outputs):
        if name == "image":
            axes[name] = {0: "n", 1: "height", 2: "width"}
        elif name in ("screen", "kinds"):
            axes[name] = {0: "n"}
        else:
            axes[name] = {0: "n", 2: f"{name}_height", 3: f"{name}_width"}
    if not batched:  # The network goes through its images one by one, of which there is one.
        for dynamic in axes.values():
            dynamic.pop(0)
    return axes


def _store_as_float16(model: onnx.ModelProto) -> None:
    """Halves a graph's size: weights at rest in float16, cast back to float32 as it is loaded."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.ndim < 2:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype("float16"), name + HALF_SUFFIX))
        casts.append(helper.make_node("Cast", [name + HALF_SUFFIX], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
