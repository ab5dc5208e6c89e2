"""Answers of low precision that lie too near an edge of the policy, and are asked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flawscope.runtime.engines import Graph
from flawscope.values import Gate, KindPolicy, Policy
from flawscope.values.policy import logit


def edges_of(policy: Policy) -> list[float]:
    """Where a score turns into another answer; nothing lies beyond an edge at 0 or 1."""
    edges = {policy.accept_below, policy.reject_above, policy.defective_from}
    if policy.gate is Gate.HARD:
        edges.add(policy.unnamed.veto)
    return sorted(edge for edge in edges if 0.0 < edge < 1.0)


@dataclass(frozen=True, slots=True)
class Guard:
    """What makes low precision give the verdicts of float32.

    Low precision moves a logit by no more than a margin, so that only an answer within the margin
    of an edge can be on the wrong side of it. Those are asked again. What holds for each of two
    views holds for the mean of their probabilities: p as a function of itself, moved by a logit
    of one sign, bends one way only (Jensen's inequality).

    Attributes:
        policy: whose edges and gates are guarded.
        margin: in logits; half of it for kinds, on which no verdict hangs.
        precise: graphs in float32, by the names of the stages that are run in less.
    """

    policy: Policy
    margin: float
    precise: Mapping[str, Graph]

    def doubts_turning(self, first: float) -> bool:
        """Whether float32 might look at a part turned, or not, that low precision would not."""
        edge = self.policy.turned_from
        return edge is not None and _near(first, edge, self.margin)

    def doubts_screen(self, screen: float) -> bool:
        """Whether float32 might put the screen's answer on another side of an edge."""
        if self.policy.second_look is None:
            return self.doubts_score(screen)
        return _near(screen, self.policy.located_from, self.margin)

    def doubts_score(self, score: float) -> bool:
        """Whether float32 might put a score on another side of an edge."""
        return any(_near(score, edge, self.margin) for edge in edges_of(self.policy))

    def doubted_kinds(self, kinds: Mapping[str, float]) -> frozenset[str]:
        """The kinds that float32 might let through a hard gate, or not."""
        if self.policy.gate is not Gate.HARD:
            return frozenset()
        rules = self.policy.kinds
        return frozenset(
            kind
            for kind, chance in kinds.items()
            if _near(chance, rules.get(kind, KindPolicy()).veto, self.margin / 2)
        )


def _near(probability: float, edge: float, margin: float) -> bool:
    return abs(logit(probability) - logit(edge)) <= margin and 0.0 < edge < 1.0


_MARGINS = np.concatenate([np.arange(0.0, 1.0, 0.05), np.arange(1.0, 15.0, 0.25)])


def margin_for(
    right: Sequence[float], said: Sequence[float], edges: Sequence[float], flips: float
) -> float:
    """The narrowest margin that leaves no more flipped verdicts than a share of the pictures.

    How many would flip is estimated from every pair of a score and a difference, as though any of
    the differences could have befallen any of the scores: few pictures lie near an edge, but all
    of them tell how far low precision strays.

    Args:
        right: scores in float32, one a picture.
        said: scores in low precision, of the same pictures.
        edges: that are guarded.
        flips: the share of verdicts that may flip.

    Returns:
        The margin in logits.
    """
    true, low = (np.array([logit(score) for score in scores]) for scores in (right, said))
    strays = low - true
    # (edges, pictures, differences): how far a score lies past an edge, and came past it.
    past = np.array([low - logit(edge) for edge in edges])[:, :, None]
    crossed = np.where(past >= 0.0, strays > past, strays <= past)
    for margin in _MARGINS:
        expected = np.mean(crossed & (np.abs(past) > margin), axis=(1, 2)).sum() if edges else 0.0
        if expected <= flips:
            break
    return round(float(margin), 4)
