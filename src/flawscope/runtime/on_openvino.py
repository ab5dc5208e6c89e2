"""Graphs on OpenVINO's CPU plugin, compiled for the shapes that come."""

from __future__ import annotations

import hashlib
import itertools
import sys
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from numpy.typing import NDArray

from flawscope.runtime.shelf import Shelf
from flawscope.values import Precision

Shape = tuple[tuple[str, tuple[int, ...]], ...]
"""Of each input, by its name."""

_SEEN_OFTEN = 4
_MOST_STATIC = 4

_TELEMETRY, _CONVERTER = "openvino_telemetry", "openvino.tools.ovc"
"""What OpenVINO imports in passing: one reports the import to its makers, the other converts models
of other frameworks, and takes about as long to import as all the rest."""

_HINTS = {Precision.FLOAT32: "f32", Precision.BFLOAT16: "bf16", Precision.INT8: "f32"}
"""OpenVINO's names; of a graph in INT8, what is not quantised is computed in float32."""


class _Compiled:
    """A compiled model, with two requests for each thread that runs it, used in turn.

    A request gives its own memory, which it writes anew.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        # One tensor may go by several names, of which a model from the shelf gives any one first.
        self._names = [name for output in model.outputs for name in output.get_names()]
        self._own = threading.local()

    def run(self, tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """What a request of this thread gives, by each of its names."""
        if not hasattr(self._own, "in_turn"):
            requests = [self._model.create_infer_request() for _ in range(2)]
            self._own.in_turn = itertools.cycle(requests)
        request = next(self._own.in_turn)
        # Not infer(): that binds a thread to one of the streams, though another may be free.
        request.start_async(dict(tensors), share_inputs=True)
        request.wait()
        return {name: request.get_tensor(name).data for name in self._names}


class _Compiler:
    """Compiles a graph, or takes from a shelf what an earlier process compiled.

    That saves reading the graph too, so it is read when it is first needed; at once where the
    shelf knows nothing of it, so that one which cannot be read is refused.

    Args:
        graph: the ONNX file's bytes.
        settings: of OpenVINO.
        shelf: if any.
    """

    def __init__(self, graph: bytes, settings: Mapping[str, Any], shelf: Shelf | None) -> None:
        self._core = _openvino().Core()
        self._settings = dict(settings)
        self._shelf = shelf
        self._graph = hashlib.sha256(graph).hexdigest()[:24]
        self._read = cache(lambda: self._core.read_model(graph))
        if shelf is None or not shelf.holds(self._graph):
            self._read()

    def __call__(self, shape: Shape | None) -> Any:
        """The model compiled for one shape, or for any."""
        if self._shelf is None:
            return self._compiled(shape)
        name = self._name(shape)
        kept = self._shelf.take(name)
        if kept is not None:
            try:
                return self._core.import_model(kept, "CPU", self._settings)
            except RuntimeError:
                pass  # It is replaced.
        compiled = self._compiled(shape)
        self._shelf.put(name, _exported(compiled))
        return compiled

    def _compiled(self, shape: Shape | None) -> Any:
        model = self._read()
        if shape is not None:
            model = _of_shape(model, shape)
        return self._core.compile_model(model, "CPU", self._settings)

    def _name(self, shape: Shape | None) -> str:
        """Says all that a compiled model depends on."""
        processor = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        facts = (shape, self._settings, _openvino().get_version(), processor, capabilities())
        return f"{self._graph}-{hashlib.sha256(repr(facts).encode()).hexdigest()[:24]}"


def _exported(compiled: Any) -> bytes:
    stream = compiled.export_model()
    return bytes(stream if isinstance(stream, bytes) else stream.getbuffer())


def _of_shape(model: Any, shape: Shape) -> Any:
    from openvino import PartialShape

    fixed = model.clone()
    for name, size in shape:
        if not fixed.input(name).partial_shape.compatible(PartialShape(list(size))):
            raise ValueError(f"{name} of shape {size} does not fit")
    fixed.reshape({name: list(size) for name, size in shape})
    return fixed


class _ByShape:
    """A model compiled for the shapes that it is given.

    Compiled for one shape it computes some 5 to 20 % sooner than for any, but compiling takes a
    fraction of a second. So the first shape, which most lines never leave, is compiled for at
    once, and another when it keeps coming; the few that came last are kept.

    Args:
        compiled: the model for one shape, or for any.
    """

    def __init__(self, compiled: Callable[[Shape | None], Any]) -> None:
        self._compiled = compiled
        self._of_any: _Compiled | None = None
        self._of_shape: OrderedDict[Shape, _Compiled] = OrderedDict()
        self._seen: Counter[Shape] = Counter()
        self._choosing = threading.Lock()

    def compiled_for(self, tensors: Mapping[str, NDArray[Any]]) -> _Compiled:
        """What is to run these tensors."""
        shape = tuple((name, tensor.shape) for name, tensor in tensors.items())
        with self._choosing:
            if shape not in self._of_shape:
                self._seen[shape] += 1
                if self._of_shape and self._seen[shape] < _SEEN_OFTEN:
                    self._of_any = self._of_any or _Compiled(self._compiled(None))
                    return self._of_any
                self._add(shape)
            self._of_shape.move_to_end(shape)
            return self._of_shape[shape]

    def _add(self, shape: Shape) -> None:
        self._of_shape[shape] = _Compiled(self._compiled(shape))
        self._seen.clear()
        if len(self._of_shape) > _MOST_STATIC:
            self._of_shape.popitem(last=False)


def openvino_graph(
    graph: bytes, threads: int, streams: int, precision: Precision, shelf: Shelf | None
) -> Callable[[Mapping[str, NDArray[Any]]], dict[str, NDArray[Any]]]:
    """A graph on OpenVINO's CPU plugin."""
    settings = {
        "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": _HINTS[precision],  # unasked, newer CPUs take bfloat16
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": streams,
    }
    by_shape = _ByShape(_Compiler(graph, settings, shelf))

    def run(tensors: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return by_shape.compiled_for(tensors).run(tensors)

    return run


@cache
def capabilities() -> tuple[str, ...]:
    """What this machine's processor computes without emulation, by OpenVINO's names."""
    return tuple(_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


@cache
def _openvino() -> Any:
    """The package, without what it imports in passing, unless somebody has imported it before."""
    unasked = () if "openvino" in sys.modules else (_TELEMETRY, _CONVERTER)
    with _hidden(*unasked):
        import openvino
    if not hasattr(openvino, "convert_model"):
        openvino.convert_model = _convert_model
    return openvino


def _convert_model(*arguments: Any, **options: Any) -> Any:
    """As OpenVINO's own, for other users of the package in this process."""
    from openvino.tools.ovc import convert_model

    return convert_model(*arguments, **options)


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    """Modules that are not there while the body imports another."""
    absent = [name for name in modules if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
