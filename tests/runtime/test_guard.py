"""What low precision leaves in doubt is asked again in float32, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from flawscope.runtime import Cascade, Clock
from flawscope.runtime.engines import Graph
from flawscope.runtime.guard import Guard, edges_of, logit, margin_for
from flawscope.values import Gate, InputFit, KindPolicy, Manifest, Policy, Stage
from toy_models import KINDS, SHARED

POLICY = Policy(
    accept_below=0.2,
    defective_from=0.5,
    reject_above=0.7,
    gate=Gate.HARD,
    unnamed=KindPolicy(probability=0.0),
    kinds={"red": KindPolicy(probability=0.4), "green": KindPolicy(probability=0.6)},
)
IMAGE = np.zeros((64, 64, 3), dtype=np.uint8)
MARGIN = 0.3


def fake(
    calls: list[str], name: str, score: float, kinds: tuple[float, float], shown: float = 0.9
) -> dict[str, Graph]:
    """An encoder and a decoder that always say the same, and keep a list of when they did."""

    def encode(tensors: Mapping[str, Any]) -> dict[str, Any]:
        calls.append(name)
        features = np.full((1, 3, 64, 64), score, dtype=np.float32)
        screen = np.array([score], dtype=np.float32)
        return {"screen": screen, "kinds": np.array([kinds], np.float32), "features": features}

    def decode(tensors: Mapping[str, Any]) -> dict[str, Any]:
        calls.append("decoder")
        masks = np.full((1, 3, 64, 64), 0.1, dtype=np.float32)
        masks[:, :, 10:20, 10:20] = shown
        return {"masks": masks}

    return {"encoder": encode, "decoder": decode}


def cascade(
    calls: list[str],
    low: tuple[float, tuple[float, float]],
    high: tuple[float, tuple[float, float]],
    *,
    shown: float = 0.9,
    policy: Policy = POLICY,
) -> Cascade:
    """One whose encoder says one thing in low precision and another in float32."""
    fit = InputFit(tile=64, overlap=16, smallest=32)
    manifest = Manifest(name="fake", kinds=KINDS, stages=SHARED, input=fit, policy=policy)
    precise = {"encoder": fake(calls, "precise", *high)["encoder"]}
    guard = Guard(policy, MARGIN, precise)
    return Cascade(manifest, fake(calls, "low", *low, shown=shown), guard)


NO_KIND = (0.01, 0.01)


@pytest.mark.parametrize("edge", [0.2, 0.5, 0.7])
@pytest.mark.parametrize("step", [-0.01, 0.01])
def test_a_score_near_an_edge_is_that_of_float32(edge: float, step: float) -> None:
    calls: list[str] = []
    asked = cascade(calls, (edge + step, NO_KIND), (edge - step, NO_KIND))
    answer = asked.ask(IMAGE, Clock())
    assert answer.score == pytest.approx(edge - step)
    assert calls[:2] == ["low", "precise"]
    assert answer.asked_again == 1


@pytest.mark.parametrize("score", [0.02, 0.3, 0.6, 0.9])
def test_a_score_far_from_every_edge_is_not_asked_again(score: float) -> None:
    calls: list[str] = []
    asked = cascade(calls, (score, NO_KIND), (0.5, NO_KIND))
    answer = asked.ask(IMAGE, Clock())
    assert answer.score == pytest.approx(score)
    assert calls == (["low"] if score < 0.2 else ["low", "decoder"])
    assert answer.asked_again == 0


def test_a_kind_near_its_gate_is_asked_again_where_it_is_located() -> None:
    calls: list[str] = []
    asked = cascade(calls, (0.9, (0.41, 0.01)), (0.9, (0.38, 0.01)))
    answer = asked.ask(IMAGE, Clock())
    assert answer.kinds["red"] == pytest.approx(0.38)
    assert (calls, answer.asked_again) == (["low", "decoder", "precise"], 1)

    calls.clear()
    nowhere = cascade(calls, (0.9, (0.41, 0.01)), (0.9, (0.38, 0.01)), shown=0.45)
    answer = nowhere.ask(IMAGE, Clock())
    assert answer.kinds["red"] == pytest.approx(0.41)
    assert (calls, answer.asked_again) == (["low", "decoder"], 0)


@pytest.mark.parametrize("gate", [Gate.SOFT, Gate.NONE])
def test_gates_that_veto_nothing_are_never_in_doubt(gate: Gate) -> None:
    calls: list[str] = []
    open_gate = POLICY.model_copy(update={"gate": gate})
    asked = cascade(calls, (0.9, (0.41, 0.6)), (0.9, (0.38, 0.6)), policy=open_gate)
    asked.ask(IMAGE, Clock())
    assert calls == ["low", "decoder"]


def test_a_stage_that_locates_doubted_kinds_alone_waits_for_float32() -> None:
    calls: list[str] = []
    low, high = fake(calls, "low", 0.9, (0.41, 0.0)), fake(calls, "precise", 0.9, (0.3, 0.0))

    def locate(_tensors: Mapping[str, Any]) -> dict[str, Any]:
        raise AssertionError("a vetoed kind is located")

    stages = (
        Stage(name="encoder", graph="e", inputs=("image",), outputs=("screen", "kinds")),
        Stage(name="red", graph="r", inputs=("image",), outputs=("masks",), channels=("red",)),
    )
    manifest = Manifest(name="fake", kinds=KINDS, stages=stages, policy=POLICY)
    guard = Guard(POLICY, MARGIN, {"encoder": high["encoder"]})
    asked = Cascade(manifest, {"encoder": low["encoder"], "red": locate}, guard)
    assert asked.ask(IMAGE, Clock()).kinds["red"] == pytest.approx(0.3)
    assert calls == ["low", "precise"]


def test_nothing_is_near_an_edge_that_nothing_lies_beyond() -> None:
    everything = Policy(
        accept_below=0.0,
        defective_from=0.0,
        reject_above=1.0,
        unnamed=KindPolicy(probability=0.0),
    )
    guard = Guard(everything, 3.0, {})
    assert not any(guard.doubts_score(score) for score in (0.0, 1e-6, 0.5, 1.0))


def test_the_margin_leaves_no_more_flips_than_it_may() -> None:
    rng = np.random.default_rng(7)
    right = rng.uniform(-4.0, 4.0, 400)
    strays = rng.normal(0.0, 0.15, 400)
    probabilities = [1 / (1 + np.exp(-logits)) for logits in (right, right + strays)]
    margin = margin_for(*probabilities, edges_of(POLICY), flips=0.001)
    assert 0.1 < margin < np.abs(strays).max()
    # On parts it has not seen, of the same kind.
    right, strays = rng.uniform(-4.0, 4.0, 20_000), rng.normal(0.0, 0.15, 20_000)
    flipped = np.zeros(20_000, dtype=bool)
    for edge in (0.2, 0.5, 0.7):
        past = right + strays - logit(edge)
        flipped |= ((past >= 0) != (right >= logit(edge))) & (np.abs(past) > margin)
    assert flipped.mean() <= 0.002
    assert flipped.sum() > 0


def test_precision_that_strays_nowhere_needs_no_margin() -> None:
    scores = [0.1, 0.5, 0.9]
    assert margin_for(scores, scores, edges_of(POLICY), flips=0.0) == 0.0
