"""One tile as one network sees it: as it lies, or turned upside down."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.errors import EngineError
from flawscope.fit import FAINT
from flawscope.runtime.engines import Graph, Tensors
from flawscope.values import UNNAMED, Stage

Mask = NDArray[np.float32] | None
"""Probabilities (window height, window width); ``None`` for a kind that no pixel shows."""

_ROUNDING = 1e-5
"""ONNX Runtime's sigmoid has been seen to give 1.0000001."""


class Clock:
    """Wall time in seconds, added up by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Adds the time its body takes to the stage's."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[stage] = self.seconds.get(stage, 0.0) + spent


class View:
    """What the stages say of a tile, each run when it is first needed, and once.

    Args:
        tile: RGB uint8 (window height, window width, 3), as it lies on the picture.
        makers: the stage that gives a tensor, by the tensor's name.
        graphs: what computes each stage, by the stage's name.
        clock: takes the time by stage.
        upside_down: show the graphs the tile turned by 180 degrees; what they say of its pixels
            is turned back.
    """

    def __init__(
        self,
        tile: NDArray[np.uint8],
        makers: Mapping[str, Stage],
        graphs: Mapping[str, Graph],
        clock: Clock,
        *,
        upside_down: bool = False,
    ) -> None:
        self._tile = tile
        self._makers = makers
        self._graphs = graphs
        self._clock = clock
        self._upside_down = upside_down
        self._given: dict[str, Tensors] = {}
        self._precise: set[str] = set()

    def turned(self) -> View:
        """The same tile the other way up."""
        return View(
            self._tile, self._makers, self._graphs, self._clock, upside_down=not self._upside_down
        )

    def has_run(self, stage: Stage) -> bool:
        """Whether asking a stage costs nothing more."""
        return stage.name in self._given

    def answers(self, stage: Stage, name: str, count: int) -> NDArray[np.float32]:
        """So many probabilities (count,) of a stage.

        Raises:
            EngineError: it cannot be run, or gives something else.
        """
        shape = (1,) if name == "screen" else (1, count)
        values = self._shaped(stage, name, shape)
        low, high = values.min(), values.max()
        _refuse_improbable(low, high, name, stage)
        return _clipped(values, low, high).reshape(count)

    def mask(self, stage: Stage, channel: str) -> Mask:
        """Of one of a stage's channels, as the tile lies; errors as for ``answers``.

        A kind of which no pixel reaches ``FAINT`` has none, as most have.
        """
        shape = (1, len(stage.channels), *self._tile.shape[:2])
        plane = self._shaped(stage, "masks", shape)[0, stage.channels.index(channel)]
        low, high = plane.min(), plane.max()
        _refuse_improbable(low, high, "masks", stage)
        if channel != UNNAMED and high < FAINT:
            return None
        around = -1 if self._upside_down else 1
        return _clipped(plane[::around, ::around], low, high)

    def ask_again(self, stage: Stage, precise: Graph) -> bool:
        """Runs a stage in float32, unless it has been; says whether it was run."""
        if stage.name in self._precise:
            return False
        self._precise.add(stage.name)
        self._compute(stage, precise)
        return True

    def forget(self, stage: Stage) -> None:
        """Has a stage run again when it is next needed."""
        self._given.pop(stage.name, None)

    def _run(self, stage: Stage) -> Tensors:
        if stage.name not in self._given:
            self._compute(stage, self._graphs[stage.name])
        return self._given[stage.name]

    def _compute(self, stage: Stage, graph: Graph) -> None:
        taken = {name: self._tensor(name) for name in stage.inputs}
        with self._clock.timing(stage.name):
            self._given[stage.name] = graph(taken)

    def _tensor(self, name: str) -> NDArray[Any]:
        if name == "image":
            seen = cv2.flip(self._tile, -1) if self._upside_down else self._tile
            return np.ascontiguousarray(seen)[None]
        stage = self._makers[name]
        tensor = self._run(stage).get(name)
        if tensor is None:
            raise _unfit(stage, f"no {name!r}")
        return tensor

    def _shaped(self, stage: Stage, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        values = self._run(stage).get(name)
        if values is None or values.shape != shape:
            got = "nothing" if values is None else f"a tensor of shape {values.shape}"
            raise _unfit(stage, f"{got} for {name!r}, not shape {shape}")
        return values


def _refuse_improbable(low: np.float32, high: np.float32, name: str, stage: Stage) -> None:
    if not (low >= -_ROUNDING and high <= 1.0 + _ROUNDING):  # so NaN is refused too
        raise _unfit(stage, f"{name!r} that are no probabilities")


def _clipped(values: NDArray[np.float32], low: np.float32, high: np.float32) -> NDArray[np.float32]:
    """Values between these two, of which none is left that rounding has put outside of [0, 1]."""
    return values if low >= 0.0 and high <= 1.0 else values.clip(0.0, 1.0)


def _unfit(stage: Stage, given: str) -> EngineError:
    return EngineError(
        f"stage {stage.name!r} gave {given}", where=stage.graph, remedy="Export the model again"
    )
