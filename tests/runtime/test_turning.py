"""A part that the screen does not let go is looked at turned by 180 degrees too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.bundle import Bundle, edited
from flawscope.errors import EngineError, RecipeError
from flawscope.runtime import ENGINES, Cascade, Clock, Inspector
from flawscope.runtime.engines import Graph
from flawscope.runtime.guard import Guard
from flawscope.runtime.replaying import (
    Case,
    compared,
    for_reference,
    for_replay,
    replay,
    weighed,
)
from flawscope.values import Gate, InputFit, Manifest, Policy, Verdict
from toy_models import KINDS, SHARED, write_model

TURNING = Policy(
    accept_below=0.3, reject_above=0.7, defective_from=0.5, gate=Gate.NONE, turned_from=0.25
)
SIDE = 64


def part(*, first: float, turned: float) -> np.ndarray:
    """A tile that says what the screen will make of it, as it lies and turned."""
    image = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    image[0, 0], image[-1, -1] = round(first * 200), round(turned * 200)
    return image


def one_sided(calls: list[str], name: str = "encoder", stray: float = 0.0) -> dict[str, Graph]:
    """Graphs that see a tile's first pixel alone, and locate a defect in its first corner."""

    def encode(tensors: Mapping[str, Any]) -> dict[str, Any]:
        calls.append(name)
        seen = tensors["image"][:, 0, 0, 0].astype(np.float32) / 200 + np.float32(stray)
        kinds = np.stack([seen, seen / 2], axis=1)
        return {"screen": seen, "kinds": kinds, "features": tensors["image"][:, :1, :1]}

    def decode(tensors: Mapping[str, Any]) -> dict[str, Any]:
        calls.append("decoder")
        masks = np.zeros((1, 3, SIDE, SIDE), dtype=np.float32)
        masks[:, :, :8, :16] = tensors["features"][0, 0, 0, 0] / np.float32(200)
        return {"masks": masks}

    return {"encoder": reusing(encode), "decoder": reusing(decode)}


def reusing(graph: Graph) -> Graph:
    """The same graph, with answers that lie where its last but one lay."""
    memory: list[dict[str, np.ndarray]] = []

    def run(tensors: Mapping[str, Any]) -> dict[str, Any]:
        given = graph(tensors)
        if len(memory) == 2:
            oldest = memory.pop(0)
            for name, values in given.items():
                oldest[name][...] = values
            given = oldest
        memory.append(given)
        return given

    return run


def manifest(policy: Policy = TURNING) -> Manifest:
    fit = InputFit(tile=SIDE, overlap=16, smallest=32)
    return Manifest(name="fake", kinds=KINDS, stages=SHARED, input=fit, policy=policy)


def test_both_views_count_the_same() -> None:
    calls: list[str] = []
    answer = Cascade(manifest(), one_sided(calls)).ask(part(first=0.4, turned=0.9), Clock())
    assert calls == ["encoder", "encoder", "decoder", "decoder"]
    assert answer.score == pytest.approx(0.65)
    assert answer.firsts == (pytest.approx(0.4),)
    assert answer.kinds == {"red": pytest.approx(0.65), "green": pytest.approx(0.325)}


def test_pixels_are_turned_back() -> None:
    answer = Cascade(manifest(), one_sided([])).ask(part(first=0.4, turned=0.9), Clock())
    assert answer.maps is not None
    found = answer.maps.map("red")
    assert found[:8, :16] == pytest.approx(0.2, abs=1e-4)
    assert found[-8:, -16:] == pytest.approx(0.45, abs=1e-4)
    assert not found[8:-8].any()


@pytest.mark.parametrize("bright", ["as it lies", "turned"])
def test_what_one_view_alone_shows_counts_by_half(bright: str) -> None:
    graphs = one_sided([])
    seen: list[int] = []

    def decode(tensors: Mapping[str, Any]) -> dict[str, Any]:
        masks = graphs["decoder"](tensors)["masks"]
        seen.append(0)
        if (len(seen) == 1) is (bright == "turned"):
            masks[:, 1:] = 0.003  # under what is kept
        return {"masks": masks}

    image = part(first=0.8, turned=0.8)
    answer = Cascade(manifest(), {**graphs, "decoder": decode}).ask(image, Clock())
    assert answer.maps is not None
    corner = np.s_[:8, :16] if bright == "as it lies" else np.s_[-8:, -16:]
    red = answer.maps.map("red")
    assert red[corner] == pytest.approx(0.4, abs=1e-4)
    assert np.count_nonzero(red) == 8 * 16
    assert answer.maps.map("defect")[-8:, -16:] == pytest.approx(0.4, abs=1e-4)


@pytest.mark.parametrize("value", [np.nan, -0.5, 1.5])
@pytest.mark.parametrize("elsewhere", [0.0, 0.5])
def test_masks_that_are_no_probabilities_are_refused(value: float, elsewhere: float) -> None:
    def decode(_: Mapping[str, Any]) -> dict[str, Any]:
        masks = np.full((1, 3, SIDE, SIDE), elsewhere, dtype=np.float32)
        masks[0, 1, 5, 5] = value
        return {"masks": masks}

    graphs = {**one_sided([]), "decoder": decode}
    with pytest.raises(EngineError, match="no probabilities"):
        Cascade(manifest(), graphs).ask(part(first=0.4, turned=0.9), Clock())


def test_what_the_screen_lets_go_is_seen_once() -> None:
    calls: list[str] = []
    answer = Cascade(manifest(), one_sided(calls)).ask(part(first=0.2, turned=1.0), Clock())
    assert calls == ["encoder"]
    assert TURNING.verdict(answer.score) is Verdict.ACCEPT


def test_without_an_edge_nothing_is_turned() -> None:
    calls: list[str] = []
    once = TURNING.model_copy(update={"turned_from": None})
    answer = Cascade(manifest(once), one_sided(calls)).ask(part(first=0.4, turned=0.9), Clock())
    assert calls == ["encoder", "decoder"]
    assert answer.score == pytest.approx(0.4)
    assert answer.firsts == ()


def test_tiles_are_turned_one_by_one() -> None:
    calls: list[str] = []
    image = np.zeros((SIDE, 2 * SIDE - 16, 3), dtype=np.uint8)
    image[0, 0], image[0, SIDE - 16], image[-1, -1] = 20, 80, 160  # the second tile: 0.4 and 0.8
    answer = Cascade(manifest(), one_sided(calls)).ask(image, Clock())
    assert calls == ["encoder", "encoder", "encoder", "decoder", "decoder"]
    assert answer.score == pytest.approx(0.6)
    assert answer.firsts == (pytest.approx(0.1), pytest.approx(0.4))


@pytest.mark.parametrize("first", [0.22, 0.28])
def test_whether_to_turn_is_asked_again_where_it_is_in_doubt(first: float) -> None:
    calls: list[str] = []
    low = one_sided(calls, "low", stray=0.01)
    guard = Guard(TURNING, 0.3, {"encoder": one_sided(calls, "precise")["encoder"]})
    answer = Cascade(manifest(), low, guard).ask(part(first=first, turned=0.02), Clock())
    assert calls[:2] == ["low", "precise"]
    assert answer.firsts == (pytest.approx(first),)
    assert answer.asked_again == 1


def test_doubtful_means_are_asked_again_by_both_views_and_each_once() -> None:
    calls: list[str] = []
    low = one_sided(calls, "low", stray=0.01)
    guard = Guard(TURNING, 0.1, {"encoder": one_sided(calls, "precise")["encoder"]})
    answer = Cascade(manifest(), low, guard).ask(part(first=0.5, turned=0.9), Clock())
    assert calls == ["low", "low", "precise", "precise", "decoder", "decoder"]
    assert answer.score == pytest.approx(0.7)


def test_what_strays_within_the_margin_gets_the_verdict_of_float32() -> None:
    rng = np.random.default_rng(0)
    precise, imprecise = one_sided([]), one_sided([])
    turned = 0
    for _ in range(300):
        first, other = rng.uniform(0.01, 0.99, 2)
        image, strays = part(first=first, turned=other), rng.uniform(-0.3, 0.3, 2)

        def low(
            tensors: Mapping[str, Any], image: np.ndarray = image, strays: np.ndarray = strays
        ) -> dict[str, Any]:
            found = imprecise["encoder"](tensors)
            seen = np.clip(found["screen"], 1e-3, 1 - 1e-3)
            stray = strays[0 if tensors["image"][0, -1, -1, 0] == image[-1, -1, 0] else 1]
            moved = 1 / (1 + np.exp(-(np.log(seen / (1 - seen)) + stray)))
            return {**found, "screen": moved.astype(np.float32)}

        right = Cascade(manifest(), precise).ask(image, Clock())
        guard = Guard(TURNING, 0.31, {"encoder": precise["encoder"]})
        ours = Cascade(manifest(), {**precise, "encoder": low}, guard).ask(image, Clock())
        assert TURNING.verdict(ours.score) is TURNING.verdict(right.score)
        turned += TURNING.turns(right.firsts[0])
    assert 100 < turned < 300


def test_replays_turn_as_the_model_does() -> None:
    cases = [
        Case(f"{first}", lambda first=first: part(first=first, turned=0.6))  # type: ignore[misc]
        for first in (0.1, 0.26, 0.5)
    ]
    graphs = one_sided([])
    right = replay(Cascade(for_reference(manifest()), graphs), cases)
    ours = replay(Cascade(for_replay(manifest()), graphs), cases)
    calls: list[str] = []
    raw = weighed(Cascade(for_replay(manifest()), one_sided(calls)), cases)
    assert set(calls) == {"encoder"}  # no score hangs on a mask
    assert [one.score for one in right] == pytest.approx([0.1, 0.43, 0.55])
    for one, other, third in zip(right, ours, raw, strict=True):
        assert one.score == other.score == third.score
        assert one.firsts == other.firsts == third.firsts
    assert right[0].heat is not None  # of every part, whatever is accepted
    assert ours[0].heat is None


def test_a_view_more_is_no_difference_of_precision() -> None:
    cases = [Case("a", lambda: part(first=0.26, turned=0.9))]
    right = replay(Cascade(manifest(), one_sided([])), cases)
    raw = weighed(Cascade(manifest(), one_sided([], stray=-0.02)), cases)
    assert right[0].score - raw[0].score > 0.3
    assert compared(cases, right, right, raw, TURNING).score_difference == 0.0
    steady = weighed(Cascade(manifest(), one_sided([], stray=0.01)), cases)
    found = compared(cases, right, right, steady, TURNING)
    assert found.score_difference == pytest.approx(0.01, abs=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_model_file_keeps_the_edge_and_it_can_be_put_off(tmp_path: Path, engine: str) -> None:
    path = write_model(tmp_path / "a.flaw", policy=TURNING)
    image = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
    image[:20, :50] = (200, 0, 0)
    twice = Inspector.load(path, engine=engine).examine(image)
    once = edited(path, tmp_path / "b.flaw", {"policy.turned_from": "none"})
    assert Bundle.open(once).manifest.policy.turned_from is None
    as_it_lies = Inspector.load(once, engine=engine).examine(image)
    # The toys see every pixel by itself, so a turned view tells them nothing new.
    assert twice.inspection.score == as_it_lies.inspection.score
    assert twice.heat is not None
    assert as_it_lies.heat is not None
    np.testing.assert_allclose(twice.heat, as_it_lies.heat, atol=1e-4)
    with pytest.raises(RecipeError, match="will not do"):
        edited(path, tmp_path / "c.flaw", {"policy.turned_from": "1.5"})
