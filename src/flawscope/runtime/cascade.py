"""The three questions asked of one image, each only where the one before asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flawscope.fit import Stitcher, plan_fit, resize
from flawscope.runtime.engines import Graph
from flawscope.runtime.guard import Guard
from flawscope.runtime.view import Clock, Mask, View
from flawscope.values import (
    UNNAMED,
    Gate,
    KindPolicy,
    Manifest,
    Policy,
    SecondLook,
    Size,
    Stage,
)

_PLACES = 5
"""Probabilities count to so many decimals: engines differ by less, so a score that was made into
a threshold is on the same side of it whichever engine computes it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cascade says of one image.

    Attributes:
        score: probability that the part is defective.
        kinds: probability by kind; 0.0 where the second question was not asked.
        maps: the located channels; ``None`` where the third question was not asked, or showed
            that there is nothing.
        asked_again: tiles of which a stage was run again in float32.
        screen: the screen's answer, where the score is another.
        firsts: the screen's answer to each tile as it lies, where some may be turned as well.
    """

    score: float
    kinds: Mapping[str, float]
    maps: Stitcher | None
    asked_again: int = 0
    screen: float | None = None
    firsts: tuple[float, ...] = ()


def rule_for(policy: Policy, channel: str) -> KindPolicy:
    """When a kind, or ``UNNAMED``, counts as shown."""
    return policy.unnamed if channel == UNNAMED else policy.kinds.get(channel, KindPolicy())


def passes_gate(policy: Policy, channel: str, probability: float) -> bool:
    """Whether a mask may show a kind of this probability; only a hard gate ever vetoes."""
    return policy.gate is not Gate.HARD or probability >= rule_for(policy, channel).veto


def likeliest(masks: NDArray[np.float32], pixels: int) -> float:
    """The mean of the so many highest values, of all where there are fewer."""
    values = masks.ravel()
    if values.size > pixels:
        values = np.partition(values, values.size - pixels)[-pixels:]
    return float(values.mean(dtype=np.float64))


class Cascade:
    """Runs a model's stages, tile by tile.

    Args:
        manifest: of the model.
        graphs: what computes each stage, by the stage's name.
        guard: asks again what low precision leaves in doubt.
    """

    def __init__(
        self, manifest: Manifest, graphs: Mapping[str, Graph], guard: Guard | None = None
    ) -> None:
        self._manifest = manifest
        self._graphs = graphs
        self._guard = guard
        self._locating = [stage for stage in manifest.stages if stage.channels]

    @property
    def located(self) -> frozenset[str]:
        """The channels that some stage locates."""
        return frozenset(name for stage in self._locating for name in stage.channels)

    @property
    def looks_twice(self) -> bool:
        """Whether a score hangs on what is located."""
        return self._manifest.policy.second_look is not None

    @property
    def turned_from(self) -> float | None:
        """The screen's answer from which a tile is looked at turned too."""
        return self._manifest.policy.turned_from

    def under(self, policy: Policy) -> Cascade:
        """The same graphs under another policy, with nothing asked again."""
        manifest = self._manifest.model_copy(update={"policy": policy})
        return Cascade(manifest, self._graphs)

    def ask(self, image: NDArray[np.uint8], clock: Clock) -> Answer:
        """The answers for an image of any size.

        A picture's score and kinds are the highest of its tiles'. A tile that the screen lets go
        is asked nothing more; a stage that locates is run on another unless a hard gate vetoes
        every one of its channels there and no second look needs it.

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
        score, screen, kinds = 0.0, 0.0, dict.fromkeys(self._manifest.kinds, 0.0)
        firsts = []
        maps: Stitcher | None = None
        again = 0
        for tile in plan.tiles:
            look = _Look(self._manifest, self._graphs, plan.cut(scaled, tile), clock, self._guard)
            asked = look.screen() >= policy.located_from
            own_score = look.score(located=asked)
            shown = asked and own_score >= policy.accept_below
            found = look.located(self._locating) if shown else {}
            own_kinds = look.kinds(ask=shown)
            score, screen = max(score, own_score), max(screen, look.screen())
            firsts.append(look.first)
            kinds = {kind: max(kinds[kind], chance) for kind, chance in own_kinds.items()}
            again += look.asked_again
            if not shown or not self._locating:
                continue
            maps = maps or Stitcher(plan)
            with clock.timing("fit"):
                maps.add(tile, found)
        return Answer(
            score,
            kinds,
            maps,
            again,
            screen if policy.second_look else None,
            tuple(firsts) if policy.turned_from is not None else (),
        )

    def weigh(
        self, image: NDArray[np.uint8], *, kinds: bool, turned_from: float | None = None
    ) -> Answer:
        """The first two answers, without regard to the policy: the screen's is the score.

        Args:
            image: RGB uint8 (height, width, 3).
            kinds: ask the second question too.
            turned_from: as of a policy; by default tiles are seen as they lie alone.

        Raises:
            EngineError: as for ``ask``.
        """
        plan = plan_fit(Size(*image.shape[:2]), self._manifest.input)
        scaled = resize(image, plan.scaled)
        policy = Policy(turned_from=turned_from)
        manifest = self._manifest.model_copy(update={"policy": policy})
        score, chances = 0.0, dict.fromkeys(self._manifest.kinds, 0.0)
        firsts = []
        for tile in plan.tiles:
            look = _Look(manifest, self._graphs, plan.cut(scaled, tile), Clock())
            score = max(score, look.screen())
            own = look.kinds(ask=kinds)
            chances = {kind: max(chances[kind], chance) for kind, chance in own.items()}
            firsts.append(look.first)
        return Answer(score, chances, None, firsts=tuple(firsts) if turned_from is not None else ())


class _Look:
    """One tile's way through the stages, each run when it is first needed, and once a view.

    What is said of a tile that is seen turned as well is the mean of what is said of both views.
    """

    def __init__(
        self,
        manifest: Manifest,
        graphs: Mapping[str, Graph],
        tile: NDArray[np.uint8],
        clock: Clock,
        guard: Guard | None = None,
    ) -> None:
        self._kinds = manifest.kinds
        self._policy = manifest.policy
        self._guard = guard
        self._judging = manifest.judging
        self._maker = {name: stage for stage in manifest.stages for name in stage.outputs}
        self._views = [View(tile, self._maker, graphs, clock)]
        self._masks: dict[str, dict[str, Mask]] = {}
        self._screened: float | None = None
        self._score = 0.0
        self.first = 0.0
        self.asked_again = False

    def screen(self) -> float:
        """The screen's answer; ``first`` is the one to the tile as it lies."""
        if self._screened is not None:
            return self._screened
        stage, guard = self._maker["screen"], self._guard
        self.first = said = self._screen()
        if guard and guard.doubts_turning(said) and self._ask_again(stage):
            self.first = said = self._screen()
        if self._policy.turns(said):
            self._views.append(self._views[0].turned())
            said = self._screen()
        if guard and guard.doubts_screen(said) and self._ask_again(stage):
            said = self._screen()
        self._screened = said
        return said

    def _screen(self) -> float:
        return round(float(self._mean(self._maker["screen"], "screen", 1)[0]), _PLACES)

    def score(self, *, located: bool) -> float:
        """The screen's answer, or what a second look makes of it."""
        rule = self._policy.second_look
        if rule is None or not located:
            self._score = round(self._policy.score_of_unlocated(self.screen()), _PLACES)
            return self._score
        self._score = self._weighed(rule)
        if self._guard and self._guard.doubts_score(self._score) and self._ask_all_again():
            self._screened = self._screen()
            self._score = self._weighed(rule)
        return self._score

    def _weighed(self, rule: SecondLook) -> float:
        stage = next(stage for stage in self._judging if UNNAMED in stage.channels)
        mask = self.mask(stage, UNNAMED)
        assert mask is not None  # however dark
        return round(rule.score(self.screen(), likeliest(mask, rule.pixels)), _PLACES)

    def _ask_all_again(self) -> bool:
        """Runs all that a verdict hangs on in float32, and forgets what was made of it before."""
        new: set[str] = set()
        for stage in self._judging:
            if self._ask_again(stage):
                new |= set(stage.outputs)
            elif new & set(stage.inputs):
                new |= set(stage.outputs)
                self._masks.pop(stage.name, None)
                for view in self._views:
                    view.forget(stage)
        return bool(new)

    def kinds(self, *, ask: bool) -> dict[str, float]:
        """By kind; all 0.0 if not ``ask`` and no stage run so far has said them in passing."""
        if not self._kinds:
            return {}
        stage = self._maker["kinds"]
        if not ask and not self._views[0].has_run(stage):
            return dict.fromkeys(self._kinds, 0.0)
        chances = self._mean(stage, "kinds", len(self._kinds))
        rounded = (round(float(chance), _PLACES) for chance in chances)
        return dict(zip(self._kinds, rounded, strict=True))

    def located(self, stages: Sequence[Stage]) -> dict[str, Mask]:
        """The masks of each stage that a hard gate leaves a channel of, by the score above."""
        found: dict[str, Mask] = {}
        for stage in stages:
            self._settle_gates(stage)
            if any(self._passes(channel) for channel in stage.channels):
                found |= {channel: self.mask(stage, channel) for channel in stage.channels}
        return found

    def _passes(self, channel: str) -> bool:
        chance = self._score if channel == UNNAMED else self.kinds(ask=True)[channel]
        return passes_gate(self._policy, channel, chance)

    def _settle_gates(self, stage: Stage) -> None:
        """Asks for the kinds again where a gate is in doubt that something hangs on."""
        if self._guard is None or not self._kinds:
            return
        doubted = self._guard.doubted_kinds(self.kinds(ask=True)) & set(stage.channels)
        if not doubted:
            return
        if any(self._passes(channel) for channel in stage.channels if channel not in doubted):
            least = {name: rule_for(self._policy, name).mask_probability for name in doubted}
            if not any(_reaches(self.mask(stage, name), least[name]) for name in doubted):
                return
        self._ask_again(self._maker["kinds"])

    def mask(self, stage: Stage, channel: str) -> Mask:
        """Of a channel the mean over the views; a view in which it is dark counts as 0."""
        made = self._masks.setdefault(stage.name, {})
        if channel not in made:
            as_it_lies, *turned = [view.mask(stage, channel) for view in self._views]
            made[channel] = _mean_mask(as_it_lies, turned[0]) if turned else as_it_lies
        return made[channel]

    def _mean(self, stage: Stage, name: str, count: int) -> NDArray[np.float64]:
        said = np.array([view.answers(stage, name, count) for view in self._views])
        mean: NDArray[np.float64] = said.mean(axis=0, dtype=np.float64)
        return mean

    def _ask_again(self, stage: Stage) -> bool:
        """Runs a stage in float32 on every view, unless it has been, or is anyway."""
        graph = self._guard.precise.get(stage.name) if self._guard else None
        if graph is None:
            return False
        self._masks.pop(stage.name, None)
        asked = [view.ask_again(stage, graph) for view in self._views]
        self.asked_again |= any(asked)
        return any(asked)


def _mean_mask(one: Mask, other: Mask) -> Mask:
    """Of two views' masks."""
    if one is None or other is None:
        lit = other if one is None else one
        return None if lit is None else lit * np.float32(0.5)
    mean = one + other
    mean *= np.float32(0.5)
    return mean


def _reaches(mask: Mask, probability: float) -> bool:
    return probability <= 0.0 if mask is None else bool(mask.max() >= probability)
