"""The three questions asked of one image, each only where the one before asks for it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flawscope.errors import EngineError
from flawscope.fit import Stitcher, plan_fit, resize
from flawscope.runtime.engines import Graph, Tensors
from flawscope.values import UNNAMED, Gate, KindPolicy, Manifest, Policy, Size, Stage

_PLACES = 5
"""Probabilities count to so many decimals: engines differ by less, so a score that was made into
a threshold is on the same side of it whichever engine computes it."""

_ROUNDING = 1e-5
"""ONNX Runtime's sigmoid has been seen to give 1.0000001."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cascade says of one image.

    Attributes:
        score: probability that the part is defective.
        kinds: probability by kind; 0.0 where the second question was not asked.
        maps: the located channels; ``None`` where the third question was not asked.
    """

    score: float
    kinds: Mapping[str, float]
    maps: Stitcher | None


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


def rule_for(policy: Policy, channel: str) -> KindPolicy:
    """When a kind, or ``UNNAMED``, counts as shown."""
    return policy.unnamed if channel == UNNAMED else policy.kinds.get(channel, KindPolicy())


def passes_gate(policy: Policy, channel: str, probability: float) -> bool:
    """Whether a mask may show a kind of this probability; only a hard gate ever vetoes."""
    return policy.gate is not Gate.HARD or probability >= rule_for(policy, channel).probability


class Cascade:
    """Runs a model's stages, tile by tile.

    Args:
        manifest: of the model.
        graphs: what computes each stage, by the stage's name.
    """

    def __init__(self, manifest: Manifest, graphs: Mapping[str, Graph]) -> None:
        self._manifest = manifest
        self._graphs = graphs
        self._locating = [stage for stage in manifest.stages if stage.channels]

    @property
    def located(self) -> frozenset[str]:
        """The channels that some stage locates."""
        return frozenset(name for stage in self._locating for name in stage.channels)

    def ask(self, image: NDArray[np.uint8], clock: Clock) -> Answer:
        """The answers for an image of any size.

        A picture's score and kinds are the highest of its tiles'. A tile whose own score is
        accepted is asked nothing more; a stage that locates is run on a tile unless a hard gate
        vetoes every one of its channels there.

        Args:
            image: RGB uint8 (height, width, 3).
            clock: takes the time by stage.

        Raises:
            EngineError: a stage cannot be run, or gives something else than it should.
        """
        policy = self._manifest.policy
        with clock.timing("fit"):
            plan = plan_fit(Size(*image.shape[:2]), self._manifest.input)
            scaled = resize(image, plan.scaled)
        score, kinds = 0.0, dict.fromkeys(self._manifest.kinds, 0.0)
        maps: Stitcher | None = None
        for tile in plan.tiles:
            look = _Look(self._manifest, self._graphs, plan.cut(scaled, tile), clock)
            own_score = look.score()
            asked = own_score >= policy.accept_below
            own_kinds = look.kinds(ask=asked)
            score = max(score, own_score)
            kinds = {kind: max(kinds[kind], chance) for kind, chance in own_kinds.items()}
            if not asked or not self._locating:
                continue
            maps = maps or Stitcher(plan)
            chances = {**own_kinds, UNNAMED: own_score}
            for stage in self._locating:
                if any(passes_gate(policy, name, chances[name]) for name in stage.channels):
                    found = look.masks(stage)
                    with clock.timing("fit"):
                        maps.add(tile, found, stage.channels)
        return Answer(score, kinds, maps)

    def weigh(self, image: NDArray[np.uint8], *, kinds: bool) -> Answer:
        """The answers without the third, and without regard to the policy.

        Args:
            image: RGB uint8 (height, width, 3).
            kinds: ask the second question too.

        Raises:
            EngineError: as for ``ask``.
        """
        plan = plan_fit(Size(*image.shape[:2]), self._manifest.input)
        scaled = resize(image, plan.scaled)
        score, chances = 0.0, dict.fromkeys(self._manifest.kinds, 0.0)
        for tile in plan.tiles:
            look = _Look(self._manifest, self._graphs, plan.cut(scaled, tile), Clock())
            score = max(score, look.score())
            own = look.kinds(ask=kinds)
            chances = {kind: max(chances[kind], chance) for kind, chance in own.items()}
        return Answer(score, chances, None)


class _Look:
    """One tile's way through the stages, each run when it is first needed, and once."""

    def __init__(
        self,
        manifest: Manifest,
        graphs: Mapping[str, Graph],
        tile: NDArray[np.uint8],
        clock: Clock,
    ) -> None:
        self._kinds = manifest.kinds
        self._maker = {name: stage for stage in manifest.stages for name in stage.outputs}
        self._graphs = graphs
        self._tile = tile[None]
        self._clock = clock
        self._given: dict[str, Tensors] = {}

    def score(self) -> float:
        stage = self._maker["screen"]
        screen = _probabilities(self._run(stage), "screen", (1,), stage)
        return round(float(screen[0]), _PLACES)

    def kinds(self, *, ask: bool) -> dict[str, float]:
        """By kind; all 0.0 if not ``ask`` and no stage run so far has said them in passing."""
        if not self._kinds:
            return {}
        stage = self._maker["kinds"]
        if not ask and stage.name not in self._given:
            return dict.fromkeys(self._kinds, 0.0)
        chances = _probabilities(self._run(stage), "kinds", (1, len(self._kinds)), stage)
        rounded = (round(float(chance), _PLACES) for chance in chances[0])
        return dict(zip(self._kinds, rounded, strict=True))

    def masks(self, stage: Stage) -> NDArray[np.float32]:
        """(channels, window height, window width)."""
        shape = (1, len(stage.channels), *self._tile.shape[1:3])
        masks: NDArray[np.float32] = _probabilities(self._run(stage), "masks", shape, stage)[0]
        return masks

    def _run(self, stage: Stage) -> Tensors:
        if stage.name not in self._given:
            taken = {name: self._tensor(name) for name in stage.inputs}
            with self._clock.timing(stage.name):
                self._given[stage.name] = self._graphs[stage.name](taken)
        return self._given[stage.name]

    def _tensor(self, name: str) -> NDArray[Any]:
        if name == "image":
            return self._tile
        stage = self._maker[name]
        tensor = self._run(stage).get(name)
        if tensor is None:
            raise EngineError(
                f"stage {stage.name!r} gave no {name!r}",
                where=stage.graph,
                remedy="Export the model again",
            )
        return tensor


def _probabilities(
    given: Tensors, name: str, shape: tuple[int, ...], stage: Stage
) -> NDArray[np.float32]:
    values = given.get(name)
    if values is None or values.shape != shape:
        got = "nothing" if values is None else f"a tensor of shape {values.shape}"
        fault = f"stage {stage.name!r} gave {got} for {name!r}, not shape {shape}"
    else:
        low, high = values.min(), values.max()
        if low >= -_ROUNDING and high <= 1.0 + _ROUNDING:  # false for NaN too
            return values if low >= 0.0 and high <= 1.0 else values.clip(0.0, 1.0)
        fault = f"stage {stage.name!r} gave {name!r} that are no probabilities"
    raise EngineError(fault, where=stage.graph, remedy="Export the model again")
