"""What computes an ONNX graph: OpenVINO or ONNX Runtime, behind one function type."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from numpy.typing import NDArray

from flawscope.errors import EngineError
from flawscope.values import Precision

Tensors = dict[str, NDArray[Any]]

Graph = Callable[[Mapping[str, NDArray[Any]]], Tensors]
"""Named tensors in, named tensors out. What it gives is valid until it is called again."""

_SEEN_OFTEN = 4
_MOST_STATIC = 4


_HINTS = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16", Precision.INT8: "f32"}
"""OpenVINO's names; of a graph in INT8, what is not quantised is computed in float32."""


def openvino_graph(graph: bytes, threads: int, precision: Precision) -> Graph:
    """A graph on OpenVINO's CPU plugin, tuned for one image at a time.

    Graphs for any shape compute some 15 to 20 % slower than graphs for one shape, which take
    a fraction of a second to compile. So a shape that keeps coming gets a graph of its own, and
    the few that came last are kept.
    """
    with _without_telemetry():
        import openvino

    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": _HINTS[precision],  # unasked, newer CPUs take bfloat16
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    model = core.read_model(graph)
    names = [output.get_any_name() for output in model.outputs]
    any_shape = core.compile_model(model, "CPU", settings).create_infer_request()
    of_shape: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
    seen: Counter[tuple[Any, ...]] = Counter()

    def request_for(tensors: Mapping[str, NDArray[Any]]) -> Any:
        shape = tuple((name, tensor.shape) for name, tensor in tensors.items())
        if shape in of_shape:
            of_shape.move_to_end(shape)
            return of_shape[shape]
        seen[shape] += 1
        if seen[shape] < _SEEN_OFTEN:
            return any_shape
        seen.clear()
        fixed = core.read_model(graph)
        fixed.reshape({name: list(size) for name, size in shape})
        of_shape[shape] = core.compile_model(fixed, "CPU", settings).create_infer_request()
        if len(of_shape) > _MOST_STATIC:
            of_shape.popitem(last=False)
        return of_shape[shape]

    def run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        request = request_for(tensors)
        request.infer(dict(tensors), share_inputs=True)
        return {name: request.get_tensor(name).data for name in names}

    return run


def onnxruntime_graph(graph: bytes, threads: int, precision: Precision) -> Graph:
    """A graph on ONNX Runtime's CPU provider, which computes as the graph says."""
    import onnxruntime

    if precision is Precision.BFLOAT16:
        raise NotImplementedError("it has no bfloat16 on a CPU")

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        return dict(zip(names, session.run(names, dict(tensors)), strict=True))

    return run


ENGINES: Mapping[str, Callable[[bytes, int, Precision], Graph]] = {
    "openvino": openvino_graph,
    "onnxruntime": onnxruntime_graph,
}
"""By name, which is also the package to install."""


def installed_engines() -> tuple[str, ...]:
    """Names of the engines whose packages are installed."""
    return tuple(name for name in ENGINES if importlib.util.find_spec(name) is not None)


def usable_threads() -> int:
    """Number of cores that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def precisions_of(engine: str) -> frozenset[Precision]:
    """The precisions that an installed engine computes in on this machine."""
    both = frozenset({Precision.FLOAT32, Precision.INT8})
    if engine != "openvino":
        return both
    with _without_telemetry():
        import openvino
    able = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    # Without the instructions it would compute in float32, or slowly.
    return both | {Precision.BFLOAT16} if "BF16" in able else both


def refuse_engine(engine: str) -> None:
    """Raises EngineError if an engine is unknown or not installed."""
    if engine not in ENGINES:
        raise EngineError(
            f"there is no engine {engine!r}", remedy=f"Choose from: {', '.join(ENGINES)}"
        )
    if engine not in installed_engines():
        raise EngineError(
            f"the engine {engine!r} is not installed", remedy=f"Run: pip install {engine}"
        )


def load_graph(
    engine: str,
    graph: bytes,
    threads: int,
    name: str,
    precision: Precision = Precision.FLOAT32,
) -> Graph:
    """A graph ready to run.

    Args:
        engine: a key of ``ENGINES``.
        graph: the ONNX file's bytes.
        threads: how many to compute with.
        name: of the graph, for messages.
        precision: to compute in; one of INT8 is already so in the file.

    Raises:
        EngineError: the engine is unknown, not installed, or refuses the graph; calling the
            graph raises it too where the engine fails.
    """
    refuse_engine(engine)
    with _failing_as(engine, name):
        run = ENGINES[engine](graph, threads, precision)

    def checked(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        with _failing_as(engine, name):
            return run(tensors)

    return checked


def lazily(load: Callable[[], Graph]) -> Graph:
    """A graph that is made ready when it is first run, whichever thread runs it."""
    ready: list[Graph] = []
    loading = threading.Lock()

    def run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        with loading:
            if not ready:
                ready.append(load())
        return ready[0](tensors)

    return run


@contextmanager
def _failing_as(engine: str, name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # engines raise whatever they like
        lines: Sequence[str] = str(error).strip().splitlines() or [type(error).__name__]
        raise EngineError(
            f"{engine} cannot run {name} ({lines[-1][:300]})",
            remedy="Try another engine, or export the model again",
        ) from error


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Importing OpenVINO reports the import to its makers, unless that package is not there."""
    hidden = "openvino_telemetry"
    if "openvino" in sys.modules or hidden in sys.modules:
        yield
        return
    sys.modules[hidden] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[hidden]
