"""What computes an ONNX graph: OpenVINO or ONNX Runtime, behind one function type."""

from __future__ import annotations

import importlib.util
import itertools
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
"""Named tensors in, named tensors out. It may be called from several threads at once; what it
gives is valid until the same thread has called it twice more, so that one tile can be seen two
ways."""

_SEEN_OFTEN = 4
_MOST_STATIC = 4
_MOST_STREAMS = 4


_HINTS = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16", Precision.INT8: "f32"}
"""OpenVINO's names; of a graph in INT8, what is not quantised is computed in float32."""


class _Compiled:
    """A compiled OpenVINO model, with two requests for each thread that runs it, used in turn.

    A request gives its own memory, which it writes anew.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._own = threading.local()

    def run(self, tensors: Mapping[str, NDArray[Any]]) -> Any:
        """A request of this thread, done."""
        if not hasattr(self._own, "in_turn"):
            requests = [self._model.create_infer_request() for _ in range(2)]
            self._own.in_turn = itertools.cycle(requests)
        request = next(self._own.in_turn)
        # Not infer(): that binds a thread to one of the streams, though another may be free.
        request.start_async(dict(tensors), share_inputs=True)
        request.wait()
        return request


class _ByShape:
    """An OpenVINO model compiled for the shapes that it is given.

    Compiled for one shape it computes some 5 to 20 % sooner than for any, but compiling takes a
    fraction of a second. So the first shape, which most lines never leave, is compiled for at
    once, and another when it keeps coming; the few that came last are kept.

    Args:
        model: as read.
        compiled: compiles a model, whose inputs are of fixed shapes or of any.
    """

    def __init__(self, model: Any, compiled: Callable[[Any], _Compiled]) -> None:
        self._model = model
        self._compiled = compiled
        self._of_any: _Compiled | None = None
        self._of_shape: OrderedDict[tuple[Any, ...], _Compiled] = OrderedDict()
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self._choosing = threading.Lock()

    def compiled_for(self, tensors: Mapping[str, NDArray[Any]]) -> _Compiled:
        """What is to run these tensors."""
        shape = tuple((name, tensor.shape) for name, tensor in tensors.items())
        with self._choosing:
            if shape not in self._of_shape:
                self._seen[shape] += 1
                if self._of_shape and self._seen[shape] < _SEEN_OFTEN:
                    self._of_any = self._of_any or self._compiled(self._model)
                    return self._of_any
                self._add(shape)
            self._of_shape.move_to_end(shape)
            return self._of_shape[shape]

    def _add(self, shape: tuple[Any, ...]) -> None:
        from openvino import PartialShape

        fixed = self._model.clone()
        for name, size in shape:
            if not fixed.input(name).partial_shape.compatible(PartialShape(list(size))):
                raise ValueError(f"{name} of shape {size} does not fit")
        fixed.reshape({name: list(size) for name, size in shape})
        self._of_shape[shape] = self._compiled(fixed)
        self._seen.clear()
        if len(self._of_shape) > _MOST_STATIC:
            self._of_shape.popitem(last=False)


def openvino_graph(graph: bytes, threads: int, streams: int, precision: Precision) -> Graph:
    """A graph on OpenVINO's CPU plugin."""
    with _without_telemetry():
        import openvino

    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": _HINTS[precision],  # unasked, newer CPUs take bfloat16
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
    }
    model = core.read_model(graph)
    names = [output.get_any_name() for output in model.outputs]
    by_shape = _ByShape(model, lambda one: _Compiled(core.compile_model(one, "CPU", settings)))

    def run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        request = by_shape.compiled_for(tensors).run(tensors)
        return {name: request.get_tensor(name).data for name in names}

    return run


def onnxruntime_graph(graph: bytes, threads: int, streams: int, precision: Precision) -> Graph:
    """A graph on ONNX Runtime's CPU provider, which computes as the graph says."""
    import onnxruntime

    if precision is Precision.BFLOAT16:
        raise NotImplementedError("it has no bfloat16 on a CPU")

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    # So many together with the thread of each stream that calls it: ``threads`` in all.
    options.intra_op_num_threads = threads - streams + 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        return dict(zip(names, session.run(names, dict(tensors)), strict=True))

    return run


ENGINES: Mapping[str, Callable[[bytes, int, int, Precision], Graph]] = {
    "openvino": openvino_graph,
    "onnxruntime": onnxruntime_graph,
}
"""By name, which is also the package to install; each takes a graph, the number of threads, and
how many images at a time share them."""


def installed_engines() -> tuple[str, ...]:
    """Names of the engines whose packages are installed."""
    return tuple(name for name in ENGINES if importlib.util.find_spec(name) is not None)


def usable_threads() -> int:
    """Number of cores that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def batch_streams(threads: int) -> int:
    """How many images at a time a batch is best computed: each holds memory of its own."""
    return min(threads, _MOST_STREAMS)


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
    *,
    streams: int = 1,
) -> Graph:
    """A graph ready to run.

    Args:
        engine: a key of ``ENGINES``.
        graph: the ONNX file's bytes.
        threads: how many to compute with.
        name: of the graph, for messages.
        precision: to compute in; one of INT8 is already so in the file.
        streams: how many images at a time share the threads; at most as many as these.

    Raises:
        EngineError: the engine is unknown, not installed, or refuses the graph; calling the
            graph raises it too where the engine fails.
    """
    refuse_engine(engine)
    with _failing_as(engine, name):
        run = ENGINES[engine](graph, threads, streams, precision)

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
