"""What computes an ONNX graph: OpenVINO or ONNX Runtime, behind one function type."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from numpy.typing import NDArray

from flawscope.errors import EngineError
from flawscope.runtime.on_openvino import capabilities, openvino_graph
from flawscope.runtime.shelf import Shelf
from flawscope.values import Precision

Tensors = dict[str, NDArray[Any]]

Graph = Callable[[Mapping[str, NDArray[Any]]], Tensors]
"""Named tensors in, named tensors out. It may be called from several threads at once; what it
gives is valid until the same thread has called it twice more, so that one tile can be seen two
ways."""

_MOST_STREAMS = 4

_MOST_THREADS = 64
"""On a machine of fewer cores."""


def onnxruntime_graph(
    graph: bytes, threads: int, streams: int, precision: Precision, _shelf: Shelf | None
) -> Graph:
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


ENGINES: Mapping[str, Callable[[bytes, int, int, Precision, Shelf | None], Graph]] = {
    "openvino": openvino_graph,
    "onnxruntime": onnxruntime_graph,
}
"""By name, which is also the package to install; each takes a graph, the number of threads, how
many images at a time share them, the precision, and where to keep what takes long to make."""


def installed_engines() -> tuple[str, ...]:
    """Names of the engines whose packages are installed."""
    return tuple(name for name in ENGINES if importlib.util.find_spec(name) is not None)


def usable_threads() -> int:
    """Number of cores that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def fitting_threads(threads: int | None) -> int:
    """So many threads, or one for each core.

    Raises:
        EngineError: there are none, or far more than this machine has cores for.
    """
    if threads is None:
        return usable_threads()
    most = max(_MOST_THREADS, usable_threads())
    if threads < 1:
        raise EngineError(f"{threads} threads compute nothing", remedy="Give 1 or more")
    if threads > most:
        raise EngineError(
            f"{threads} threads are more than this machine can run",
            where="threads",
            remedy=f"Give {most} at most; one for each of its {usable_threads()} cores is fastest",
        )
    return threads


def batch_streams(threads: int) -> int:
    """How many images at a time a batch is best computed: each holds memory of its own."""
    return min(threads, _MOST_STREAMS)


@cache
def precisions_of(engine: str) -> frozenset[Precision]:
    """The precisions that an installed engine computes in on this machine."""
    both = frozenset({Precision.FLOAT32, Precision.INT8})
    if engine != "openvino":
        return both
    # Without the instructions it would compute in float32, or slowly.
    return both | {Precision.BFLOAT16} if "BF16" in capabilities() else both


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
    shelf: Shelf | None = None,
) -> Graph:
    """A graph ready to run.

    Args:
        engine: a key of ``ENGINES``.
        graph: the ONNX file's bytes.
        threads: how many to compute with.
        name: of the graph, for messages.
        precision: to compute in; one of INT8 is already so in the file.
        streams: how many images at a time share the threads; at most as many as these.
        shelf: where the engine keeps what it makes of the graph for the next process.

    Raises:
        EngineError: the engine is unknown, not installed, or refuses the graph; calling the
            graph raises it too where the engine fails.
    """
    refuse_engine(engine)
    with _failing_as(engine, name):
        run = ENGINES[engine](graph, threads, streams, precision, shelf)

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
