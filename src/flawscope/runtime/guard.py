"""Answers of low precision that lie too near an edge of the policy, and are asked again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from flawscope.runtime.engines import Graph
from flawscope.values import Gate, KindPolicy, Policy

FAINTEST = 1e-3
"""Probabilities under this, or as near to 1, count as this: no edge that matters lies beyond."""


def logit(probability: float) -> float:
    """ln(p / (1 - p)), of probabilities no fainter than ``FAINTEST``."""
    clear = min(max(probability, FAINTEST), 1.0 - FAINTEST)
    return math.log(clear / (1.0 - clear))


@dataclass(frozen=True, slots=True)
class Guard:
    """What makes low precision give the verdicts of float32.

    Low precision moves a logit by no more than a margin, so that only an answer within the margin
    of an edge can be on the wrong side of it. Those are asked again.

    Attributes:
        policy: whose edges and gates are guarded.
        margin: in logits.
        precise: graphs in float32, by the names of the stages that are run in less.
    """

    policy: Policy
    margin: float
    precise: Mapping[str, Graph]

    def doubts_score(self, score: float) -> bool:
        """Whether float32 might put a score on another side of an edge."""
        policy = self.policy
        return self._near(score, policy.accept_below) or self._near(score, policy.reject_above)

    def doubts_kinds(self, kinds: Mapping[str, float]) -> bool:
        """Whether float32 might let another kind through a hard gate."""
        if self.policy.gate is not Gate.HARD:
            return False
        rules = self.policy.kinds
        return any(
            self._near(chance, rules.get(kind, KindPolicy()).probability)
            for kind, chance in kinds.items()
        )

    def _near(self, probability: float, edge: float) -> bool:
        # Nothing lies beyond an edge at 0 or 1.
        return 0.0 < edge < 1.0 and abs(logit(probability) - logit(edge)) <= self.margin
