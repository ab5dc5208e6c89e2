"""Variants of a model's graphs in INT8, where they are faster."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flawscope.errors import EngineError
from flawscope.nets.quantising import quantised
from flawscope.runtime import Cascade, load_graph, usable_threads
from flawscope.runtime.choices import in_float32, seconds
from flawscope.runtime.engines import Graph, Tensors, installed_engines
from flawscope.runtime.replaying import Case, replay
from flawscope.runtime.running import Running
from flawscope.train.choosing import OPEN
from flawscope.values import Manifest, Precision, Stage

_GAIN = 1.1
"""INT8 is worth its bytes where it is so much faster than float32."""

_LARGEST = 256
"""Side in pixels of what is cut out of a picture to calibrate on."""

Examples = Sequence[Mapping[str, NDArray[Any]]]


def with_int8(
    manifest: Manifest,
    members: Mapping[str, bytes],
    pictures: Sequence[Case],
    *,
    faster: Callable[[bytes, bytes, Examples], bool] | None = None,
) -> tuple[Manifest, dict[str, bytes], list[str]]:
    """A model with an INT8 variant of each stage that gains by it.

    Args:
        manifest: of a model in float32.
        members: its members.
        pictures: to calibrate on.
        faster: tells from a graph, its variant and what they are given whether it gains; by
            default it is measured with the engines that are installed.

    Returns:
        The manifest and the members with the variants, not yet certified; and why a stage has
        none.
    """
    gains = faster or _is_faster
    given = _given(manifest, members, pictures)
    stages, found, refused = [], dict(members), []
    for stage in manifest.stages:
        why = "is not there: no calibration picture reached it"
        if given[stage.name]:
            low, why = _variant(members[stage.graph], given[stage.name], gains)
            if low is not None:
                name = f"{stage.graph.removesuffix('.onnx')}.int8.onnx"
                found[name] = low
                stage = stage.model_copy(update={"variants": {Precision.INT8: name}})
        if not stage.variants:
            refused.append(f"an INT8 variant of {stage.name} {why}")
        stages.append(stage)
    return manifest.model_copy(update={"stages": tuple(stages)}), found, refused


def _variant(
    graph: bytes, examples: Examples, gains: Callable[[bytes, bytes, Examples], bool]
) -> tuple[bytes | None, str]:
    try:
        low = quantised(graph, examples)
    except Exception as error:  # noqa: BLE001 - quantisers raise whatever they like
        return None, f"cannot be made ({type(error).__name__})"
    return (low, "") if gains(graph, low, examples) else (None, "is not faster than float32")


def _is_faster(graph: bytes, low: bytes, examples: Examples) -> bool:
    return any(_ratio(engine, graph, low, examples[0]) >= _GAIN for engine in installed_engines())


def _ratio(engine: str, graph: bytes, low: bytes, tensors: Mapping[str, NDArray[Any]]) -> float:
    threads = usable_threads()
    try:
        both = [load_graph(engine, one, threads, "a graph in INT8") for one in (graph, low)]
        # In turn, twice, so that a busy spell does not fall on one of them alone.
        times = [[seconds(run, tensors)[0] for run in both] for _ in range(2)]
    except EngineError:
        return 0.0
    return min(first for first, _ in times) / min(second for _, second in times)


def _given(
    manifest: Manifest, members: Mapping[str, bytes], pictures: Sequence[Case]
) -> Mapping[str, Examples]:
    """What each stage is given when pictures are inspected, by its name."""
    kept: dict[str, list[Tensors]] = defaultdict(list)

    def keeping(stage: Stage, run: Graph) -> Graph:
        def kept_run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
            kept[stage.name].append({name: one.copy() for name, one in tensors.items()})
            return run(tensors)

        return kept_run

    choice = in_float32(manifest, installed_engines()[0])
    graphs = Running(manifest, members.__getitem__, choice, usable_threads()).graphs()
    watched = {stage.name: keeping(stage, graphs[stage.name]) for stage in manifest.stages}
    cut = [Case(case.id, partial(_middle, case)) for case in pictures]
    replay(Cascade(manifest, watched).under(OPEN), cut)
    return kept


def _middle(case: Case) -> NDArray[np.uint8]:
    image = case.open()
    top, left = (max(0, (side - _LARGEST) // 2) for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + _LARGEST, left : left + _LARGEST])
