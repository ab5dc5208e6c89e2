"""What is located has a say in the score, where the policy says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_guard import IMAGE, MARGIN, NO_KIND, fake

from flawscope.bundle import Bundle, edited
from flawscope.errors import ModelFileError, RecipeError
from flawscope.runtime import Cascade, Clock, Inspector
from flawscope.runtime.cascade import likeliest
from flawscope.runtime.guard import Guard
from flawscope.runtime.replaying import Case, for_reference, for_replay, replay, weighed
from flawscope.values import Gate, InputFit, Manifest, Policy, SecondLook, Verdict
from flawscope.values.policy import logit
from toy_models import FOUNDING, KINDS, SHARED, write_model

TWICE = SecondLook(located_from=0.1, offset=0.2, screen=0.5, masks=1.0, pixels=100)
POLICY = Policy(
    accept_below=0.3,
    defective_from=0.5,
    reject_above=0.7,
    gate=Gate.NONE,
    second_look=TWICE,
)


def manifest(policy: Policy = POLICY) -> Manifest:
    fit = InputFit(tile=64, overlap=16, smallest=32)
    return Manifest(name="fake", kinds=KINDS, stages=SHARED, input=fit, policy=policy)


def asked(screen: float, shown: float, policy: Policy = POLICY) -> tuple[Cascade, list[str]]:
    calls: list[str] = []
    graphs = fake(calls, "encoder", screen, NO_KIND, shown)
    return Cascade(manifest(policy), graphs), calls


@pytest.mark.parametrize(("screen", "shown"), [(0.3, 0.9), (0.95, 0.02), (0.5, 0.5)])
def test_a_score_is_weighed_of_the_screen_and_the_likeliest_pixels(
    screen: float, shown: float
) -> None:
    cascade, _ = asked(screen, shown)
    answer = cascade.ask(IMAGE, Clock())
    likely = max(shown, 0.1)  # of which there are pixels enough elsewhere
    weighed = 0.2 + 0.5 * logit(screen) + 1.0 * logit(likely)
    assert logit(answer.score) == pytest.approx(weighed, abs=1e-3)
    assert answer.screen == pytest.approx(screen)


def test_what_the_screen_lets_go_is_accepted_and_not_located() -> None:
    cascade, calls = asked(0.09, 0.99)
    answer = cascade.ask(IMAGE, Clock())
    assert calls == ["encoder"]
    assert answer.maps is None
    assert POLICY.verdict(answer.score) is Verdict.ACCEPT


def test_what_would_not_be_accepted_by_its_screen_alone_is_if_it_is_not_located() -> None:
    careless = POLICY.model_copy(
        update={"second_look": SecondLook(located_from=0.9, offset=50.0, masks=1.0)}
    )
    answer = asked(0.8, 0.99, careless)[0].ask(IMAGE, Clock())
    assert careless.verdict(answer.score) is Verdict.ACCEPT
    assert 0.0 <= answer.score < careless.accept_below


def test_a_part_that_is_accepted_after_all_shows_no_defect() -> None:
    cascade, calls = asked(0.2, 0.05)
    answer = cascade.ask(IMAGE, Clock())
    assert calls == ["encoder", "decoder"]
    assert POLICY.verdict(answer.score) is Verdict.ACCEPT
    assert answer.maps is None


def test_masks_turn_a_review_into_a_rejection() -> None:
    answer = asked(0.4, 0.99)[0].ask(IMAGE, Clock())
    assert POLICY.verdict(0.4) is Verdict.REVIEW
    assert POLICY.verdict(answer.score) is Verdict.REJECT
    assert answer.maps is not None


@pytest.mark.parametrize("pixels", [1, 7, 100, 5000])
def test_the_likeliest_are_the_highest(pixels: int) -> None:
    values = np.random.default_rng(0).random((40, 50), dtype=np.float32)
    highest = np.sort(values, axis=None)[::-1][:pixels]
    assert likeliest(values, pixels) == pytest.approx(highest.mean(), rel=1e-6)


def test_a_doubtful_score_is_asked_again_with_the_masks_it_hangs_on() -> None:
    calls: list[str] = []
    low = fake(calls, "low", 0.5, NO_KIND, 0.6)
    high = fake(calls, "precise", 0.4, NO_KIND, 0.7)

    def decoded_precisely(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert tensors["features"].max() == pytest.approx(0.4)  # of the precise encoder
        calls.append("precisely")
        return dict(high["decoder"](tensors))

    edge = TWICE.score(0.5, 0.6)
    policy = POLICY.model_copy(update={"reject_above": edge + 0.01})
    guard = Guard(policy, MARGIN, {"encoder": high["encoder"], "decoder": decoded_precisely})
    answer = Cascade(manifest(policy), low, guard).ask(IMAGE, Clock())
    assert calls == ["low", "decoder", "precise", "precisely", "decoder"]
    assert answer.score == pytest.approx(TWICE.score(0.4, 0.7), abs=1e-4)
    assert answer.screen == pytest.approx(0.4)
    assert answer.asked_again == 1


def test_a_screen_near_the_edge_of_location_is_asked_again() -> None:
    calls: list[str] = []
    low, high = fake(calls, "low", 0.099, NO_KIND), fake(calls, "precise", 0.101, NO_KIND)
    guard = Guard(POLICY, MARGIN, {"encoder": high["encoder"]})
    answer = Cascade(manifest(), low, guard).ask(IMAGE, Clock())
    assert calls == ["low", "precise", "decoder"]
    assert answer.screen == pytest.approx(0.101)


def test_replays_are_judged_by_the_rule_that_they_run_under() -> None:
    for screen in (0.05, 0.09, 0.3, 0.8):
        graphs = fake([], "encoder", screen, NO_KIND, 0.05)
        cases = [Case("a", lambda: IMAGE)]
        (right,) = replay(Cascade(for_reference(manifest()), graphs), cases)
        (ours,) = replay(Cascade(for_replay(manifest()), graphs), cases)
        (raw,) = weighed(Cascade(for_replay(manifest()), graphs), cases)
        assert right.score == ours.score == raw.score
        assert right.screen == ours.screen == raw.screen == pytest.approx(screen)


def test_a_model_file_keeps_it_and_it_can_be_changed_or_put_off(tmp_path: Path) -> None:
    path = write_model(tmp_path / "a.flaw", policy=POLICY)
    changed = edited(path, tmp_path / "b.flaw", {"policy.second_look.masks": "0.25"})
    assert Bundle.open(changed).manifest.certificate is None
    assert Bundle.open(changed).manifest.policy.second_look == TWICE.model_copy(
        update={"masks": 0.25}
    )
    once = edited(path, tmp_path / "c.flaw", {"policy.second_look": "none"})
    image = np.full((64, 64, 3), (128, 0, 0), dtype=np.uint8)
    score = Inspector.load(once, engine="onnxruntime").inspect(image).score
    assert score == pytest.approx(128 / 255, abs=1e-3)
    twice = Inspector.load(path, engine="onnxruntime").inspect(image)
    assert twice.score == pytest.approx(TWICE.score(128 / 255, 128 / 255), abs=1e-3)
    both = {"policy.second_look": "none", "policy.second_look.masks": "1"}
    with pytest.raises(RecipeError, match="put off"):
        edited(path, tmp_path / "d.flaw", both)
    with pytest.raises(RecipeError, match="no such key"):
        edited(once, tmp_path / "d.flaw", {"policy.second_look.masks": "0.25"})


def test_a_model_that_does_not_locate_any_defect_cannot_look_twice(tmp_path: Path) -> None:
    with pytest.raises((ModelFileError, ValueError), match="second_look"):
        write_model(tmp_path / "a.flaw", stages=FOUNDING, policy=POLICY)
