"""A graph in INT8 that both engines run."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray

_OURS = ("", "ai.onnx")

_ANSWERS = frozenset({"screen", "kinds", "masks"})
_PASSING_ON = frozenset(
    {"Clip", "Concat", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Sub"}
)


def quantised(graph: bytes, examples: Iterable[Mapping[str, NDArray[Any]]]) -> bytes:
    """A graph with convolutions in INT8: static, with scales at each of their ends (QDQ).

    Weights are symmetric with a scale for each channel, which both engines take, and have seven
    bits, so that processors without VNNI do not saturate; activations have eight, and the range
    they take on the examples. Probabilities are made in float32: in steps of 1/255 they would
    cost small defects their rims.

    Args:
        graph: in float32.
        examples: what the graph is given, by the names of its inputs.

    Raises:
        Exception: whatever the quantiser raises of graphs that it has no way with.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader

    class _Examples(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(examples)

        def get_next(self) -> Mapping[str, NDArray[Any]] | None:
            return next(self._left, None)

    with tempfile.TemporaryDirectory() as folder, _quiet():
        simple, low = Path(folder) / "simple.onnx", Path(folder) / "low.onnx"
        _simplify(graph, simple)
        quantize_static(
            simple,
            low,
            _Examples(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_answering(onnx.load(simple).graph),
            extra_options={"WeightSymmetric": True},
        )
        model = onnx.load(low)
    kept = [one for one in model.opset_import if one.domain in _OURS]
    del model.opset_import[:]
    model.opset_import.extend(kept)
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _answering(graph: onnx.GraphProto) -> list[str]:
    """Names of the nodes that make the probabilities which a graph gives, and pass them on."""
    wanted = {output.name for output in graph.output} & _ANSWERS
    found = []
    for node in reversed(graph.node):  # which are in the order in which they run
        if wanted & set(node.output):
            found.append(node.name)
            wanted |= set(node.input) if node.op_type in _PASSING_ON else set()
    return found


def _simplify(graph: bytes, out: Path) -> None:
    """Folds normalisation into convolutions, and weights at half precision into weights."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(out)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser logs advice that does not hold here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
