"""Tiny ONNX graphs that answer by the colour of pixels, so that every answer is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from flawscope.bundle import pack
from flawscope.values import UNNAMED, InputFit, Manifest, Policy, Stage

KINDS = ("red", "green")
CHANNELS = (UNNAMED, *KINDS)

IMAGE = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])


def _tensor(name: str, rank: int) -> Any:
    shape = ["n", *(f"{name}_{axis}" for axis in range(1, rank))]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _weights(**arrays: np.ndarray) -> list[Any]:
    return [numpy_helper.from_array(array, name) for name, array in arrays.items()]


def _graph(nodes: Sequence[Any], inputs: Any, outputs: Any, weights: Sequence[Any]) -> bytes:
    graph = helper.make_graph(nodes, "toy", inputs, outputs, list(weights))
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def _features(white: float = 255.0) -> tuple[list[Any], list[Any]]:
    """Nodes and weights from ``image`` to ``features`` (n, 3, h, w): colours in 0-1.

    The scale is stored as float16 and cast, as trained models store their weights.
    """
    nodes = [
        helper.make_node("Cast", ["scale_half"], ["scale"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["planes", "scale"], ["features"]),
    ]
    return nodes, _weights(scale_half=np.array(white, dtype=np.float16))


def encoder(names: Sequence[str] = ("screen", "kinds", "features"), white: float = 255.0) -> bytes:
    """Screen: the brightest red or green. Kinds: the brightest red, the brightest green.

    Over 255, ``white`` makes every answer fainter than it should be.
    """
    nodes, weights = _features(white)
    nodes += [
        helper.make_node("ReduceMax", ["features"], ["brightest"], axes=[2, 3], keepdims=0),
        helper.make_node("Slice", ["brightest", "zero", "two", "one"], ["kinds"]),
        helper.make_node("ReduceMax", ["kinds"], ["screen"], axes=[1], keepdims=0),
    ]
    weights += _weights(zero=np.array([0]), one=np.array([1]), two=np.array([2]))
    ranks = {"screen": 1, "kinds": 2, "features": 4}
    return _graph(nodes, [IMAGE], [_tensor(name, ranks[name]) for name in names], weights)


def decoder(gain: float = 1.0) -> bytes:
    """Masks: red or green, red, green, pixel by pixel, times ``gain``."""
    nodes = [
        helper.make_node("Slice", ["features", "zero", "two", "one"], ["colours"]),
        helper.make_node("ReduceMax", ["colours"], ["any"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["any", "colours"], ["plain"], axis=1),
        helper.make_node("Mul", ["plain", "gain"], ["masks"]),
    ]
    weights = _weights(zero=np.array([0]), one=np.array([1]), two=np.array([2]))
    weights += _weights(gain=np.array(gain, dtype=np.float32))
    return _graph(nodes, [_tensor("features", 4)], [_tensor("masks", 4)], weights)


def locator(plane: int) -> bytes:
    """Masks of one channel from the image itself: one colour plane."""
    nodes, weights = _features()
    nodes.append(helper.make_node("Slice", ["features", "from", "to", "one"], ["masks"]))
    weights += _weights(**{"from": np.array([plane]), "to": np.array([plane + 1])})
    weights += _weights(one=np.array([1]))
    return _graph(nodes, [IMAGE], [_tensor("masks", 4)], weights)


SHARED = (
    Stage(
        name="encoder",
        graph="encoder.onnx",
        inputs=("image",),
        outputs=("screen", "kinds", "features"),
    ),
    Stage(
        name="decoder",
        graph="decoder.onnx",
        inputs=("features",),
        outputs=("masks",),
        channels=CHANNELS,
    ),
)

FOUNDING = (
    Stage(name="screen", graph="screen.onnx", inputs=("image",), outputs=("screen",)),
    Stage(name="kinds", graph="kinds.onnx", inputs=("image",), outputs=("kinds",)),
    Stage(
        name="locate-red",
        graph="red.onnx",
        inputs=("image",),
        outputs=("masks",),
        channels=("red",),
    ),
    Stage(
        name="locate-green",
        graph="green.onnx",
        inputs=("image",),
        outputs=("masks",),
        channels=("green",),
    ),
)


def shared_members() -> dict[str, bytes]:
    return {
        "encoder.onnx": encoder(),
        "decoder.onnx": decoder(),
        "card.md": b"# A toy\n",
        "validation.png": b"not looked at",
    }


def founding_members() -> dict[str, bytes]:
    return {
        "screen.onnx": encoder(["screen"]),
        "kinds.onnx": encoder(["kinds"]),
        "red.onnx": locator(0),
        "green.onnx": locator(1),
    }


def write_model(
    path: Path,
    *,
    stages: tuple[Stage, ...] = SHARED,
    members: Mapping[str, bytes] | None = None,
    fit: InputFit | None = None,
    policy: Policy | None = None,
) -> Path:
    """A model file; ``members`` follow from the stages where they are not given."""
    if members is None:
        members = shared_members() if stages is SHARED else founding_members()
    manifest = Manifest(
        name="toy",
        kinds=KINDS,
        stages=stages,
        input=fit or InputFit(tile=64, overlap=16, smallest=32),
        policy=policy or Policy(),
    )
    return pack(manifest, members, path)
