"""The graphs of a model file, ready to run with a choice of engine and precisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from flawscope.runtime.engines import Graph, lazily, load_graph
from flawscope.runtime.guard import Guard
from flawscope.runtime.shelf import Shelf
from flawscope.values import Choice, Manifest, Precision, Stage

Read = Callable[[str], bytes]
"""Gives a member of a model file by its name."""


@dataclass(frozen=True, slots=True)
class Running:
    """How a model's graphs are made ready.

    Attributes:
        manifest: of the model.
        read: gives its graphs.
        choice: of engine and precisions.
        threads: to compute with.
        streams: how many images at a time share them.
        shelf: where the engine keeps what it makes of a graph; for models that are run again.
    """

    manifest: Manifest
    read: Read
    choice: Choice
    threads: int
    streams: int = 1
    shelf: Shelf | None = None

    def graphs(self) -> Mapping[str, Graph]:
        """What computes each stage, by its name.

        Raises:
            EngineError: the engine is absent or refuses a graph.
        """
        precisions = self.choice.precisions
        return {
            stage.name: self._loading(stage, precisions[stage.name])()
            for stage in self.manifest.stages
        }

    def guard(self) -> Guard | None:
        """What asks again in float32; ``None`` where all that a verdict hangs on is in float32."""
        precise = {
            stage.name: lazily(self._loading(stage, Precision.FLOAT32))
            for stage in self.manifest.judging
            if self.choice.precisions[stage.name] is not Precision.FLOAT32
        }
        return Guard(self.manifest.policy, self.choice.margin, precise) if precise else None

    def _loading(self, stage: Stage, precision: Precision) -> Callable[[], Graph]:
        name = stage.graph_in(precision)
        return partial(
            load_graph,
            self.choice.engine,
            self.read(name),
            self.threads,
            name,
            precision,
            streams=self.streams,
            shelf=self.shelf,
        )
