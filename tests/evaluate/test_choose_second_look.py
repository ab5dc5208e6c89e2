"""The located pixels have a say in a score only where they tell parts apart that it does not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from flawscope.evaluate import auroc, calibrated_edge, choose_second_look, enough_parts
from flawscope.evaluate.choose_second_look import _fitted
from flawscope.values import SecondLook
from flawscope.values.policy import logit


def parts_seen(
    seed: int, *, screen: float, masks: float, count: int = 160
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """Answers that lie so far apart, in logits, for good parts and for defective ones."""
    rng = np.random.default_rng(seed)
    defective = np.arange(count) % 3 == 0
    sides = np.where(defective, 1.0, -1.0)
    logits = [rng.normal(sides * apart, 1.0) for apart in (screen, masks)]
    first, second = (1.0 / (1.0 + np.exp(-one)) for one in logits)
    return first, second, defective, [f"part-{number // 2}" for number in range(count)]


def scored(
    weights: tuple[float, float, float], first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    offset, screen, masks = weights
    rule = SecondLook(located_from=0.0, offset=offset, screen=screen, masks=masks)
    return np.array([rule.score(*pair) for pair in zip(first, second, strict=True)])


@pytest.mark.parametrize("seed", range(4))
def test_masks_that_tell_more_are_heard_and_raise_the_auroc_on_other_parts(seed: int) -> None:
    weights = choose_second_look(*parts_seen(seed, screen=0.6, masks=1.2))
    assert weights is not None
    assert weights.masks > weights.screen > 0
    first, second, defective, _ = parts_seen(seed + 100, screen=0.6, masks=1.2)
    gained = auroc(scored(weights, first, second), defective) - auroc(first, defective)
    assert gained > 0.1


@pytest.mark.parametrize("seed", range(4))
def test_masks_that_tell_nothing_are_not_heard(seed: int) -> None:
    assert choose_second_look(*parts_seen(seed, screen=1.0, masks=0.0)) is None


def test_masks_that_tell_the_opposite_are_not_heard() -> None:
    assert choose_second_look(*parts_seen(0, screen=1.0, masks=-1.0)) is None


def test_too_few_parts_choose_nothing() -> None:
    first, second, defective, parts = parts_seen(0, screen=0.2, masks=2.0, count=30)
    assert not enough_parts(defective, ["one"] * 30)
    assert choose_second_look(first, second, defective, ["one"] * 30) is None
    assert not enough_parts(np.ones(30, dtype=bool), parts)


def test_many_pictures_of_one_part_weigh_no_more_than_one() -> None:
    first, second, defective, parts = parts_seen(1, screen=0.6, masks=1.2)
    odd = int(np.flatnonzero(defective)[0])
    twins = [np.append(one, np.repeat(one[odd], 200)) for one in (first, second, defective)]
    once = choose_second_look(first, second, defective, parts)
    often = choose_second_look(twins[0], twins[1], twins[2], [*parts, *[parts[odd]] * 200])
    assert once is not None
    assert often is not None
    assert np.allclose(once, often, atol=0.15)


def test_the_fit_is_that_of_scikit_learn() -> None:
    first, second, defective, _ = parts_seen(2, screen=0.6, masks=1.2, count=4000)
    logits = np.column_stack([[logit(one) for one in values] for values in (first, second)])
    features = np.column_stack([np.ones(len(logits)), logits])
    ours = _fitted(features, defective, np.ones(len(logits)), (True, True, True))
    theirs = LogisticRegression(C=1e6).fit(logits, defective)
    assert ours == pytest.approx(
        [*theirs.intercept_, *theirs.coef_[0]], rel=0.02
    )  # ours are pulled a little


@pytest.mark.parametrize("wanted", [0.025, 0.5, 0.9])
def test_a_calibrated_edge_is_where_so_many_are_defective(wanted: float) -> None:
    rng = np.random.default_rng(0)
    defective = rng.random(40_000) < 0.3
    logits = rng.normal(np.where(defective, 1.0, -1.0), 1.2)
    screen = 1.0 / (1.0 + np.exp(-logits))
    parts = list(range(screen.size))
    edge = calibrated_edge(screen, defective, parts, wanted)
    near = np.abs([logit(one) - logit(edge) for one in screen.tolist()]) < 0.2
    assert defective[near].mean() == pytest.approx(wanted, abs=0.03)
