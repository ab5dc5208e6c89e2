"""The graphs of a model file, ready to run with a choice of engine and precisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flawscope.runtime.engines import Graph, lazily, load_graph
from flawscope.runtime.guard import Guard
from flawscope.runtime.shelf import Shelf
from flawscope.values import Choice, Manifest, Precision

Read = Callable[[str], bytes]
"""Gives a member of a model file by its name."""


def graphs_for(
    manifest: Manifest,
    read: Read,
    choice: Choice,
    threads: int,
    *,
    streams: int = 1,
    shelf: Shelf | None = None,
) -> Mapping[str, Graph]:
    """What computes each stage, by its name.

    Args:
        manifest: of the model.
        read: gives its graphs.
        choice: of engine and precisions.
        threads: to compute with.
        streams: how many images at a time share them.
        shelf: where the engine keeps what it makes of a graph; for models that are run again.

    Raises:
        EngineError: the engine is absent or refuses a graph.
    """
    graphs = {}
    for stage in manifest.stages:
        precision = choice.precisions[stage.name]
        name = stage.graph_in(precision)
        graphs[stage.name] = load_graph(
            choice.engine, read(name), threads, name, precision, streams=streams, shelf=shelf
        )
    return graphs


def guard_for(
    manifest: Manifest,
    read: Read,
    choice: Choice,
    threads: int,
    *,
    streams: int = 1,
    shelf: Shelf | None = None,
) -> Guard | None:
    """What asks again in float32, or ``None`` where all that a verdict hangs on is in float32.

    Args as for ``graphs_for``.
    """
    low = [
        stage
        for stage in manifest.judging
        if choice.precisions[stage.name] is not Precision.FLOAT32
    ]
    if not low:
        return None
    precise = {}
    for stage in low:
        load = partial(
            load_graph,
            choice.engine,
            read(stage.graph),
            threads,
            stage.graph,
            streams=streams,
            shelf=shelf,
        )
        precise[stage.name] = lazily(load)
    return Guard(manifest.policy, choice.margin, precise)
