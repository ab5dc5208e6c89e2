from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from flawscope.errors import EvaluationError
from flawscope.evaluate import Edges, choose_edges, choose_threshold

scored = st.lists(
    st.tuples(st.integers(0, 12).map(lambda step: step / 12), st.booleans()),
    min_size=1,
    max_size=25,
)
cost = st.sampled_from([0.3, 0.5, 1.0, 3.0, 20.0])


def _arrays(good, bad):
    return np.array([*good, *bad]), np.arange(len(good) + len(bad)) >= len(good)


def _split(pairs):
    scores, truth = zip(*pairs, strict=True)
    return np.array(scores), np.array(truth)


def _cost(scores, defective, edges, escape, overkill, review):
    """By definition, the imagined part's integrals by numbers."""
    accepted, rejected = scores < edges.accept_below, scores >= edges.reject_above
    reviewed = ~accepted & ~rejected
    real = (
        escape * np.sum(accepted & defective)
        + overkill * np.sum(rejected & ~defective)
        + review * np.sum(reviewed)
    )
    grid = (np.arange(12_000) + 0.5) / 12_000
    below, above = grid < edges.accept_below, grid >= edges.reject_above
    each = np.where(below, escape * grid, np.where(above, overkill * (1 - grid), review))
    return real + each.mean()


@settings(max_examples=80, deadline=None)
@given(scored, cost, cost, cost)
def test_no_pair_of_edges_between_scores_is_cheaper(pairs, escape, overkill, review):
    scores, truth = _split(pairs)
    costs = {"escape": escape, "overkill": overkill, "review": review}
    edges = choose_edges(scores, truth, **costs)
    assert 0 <= edges.accept_below <= edges.reject_above <= 1
    chosen = _cost(scores, truth, edges, **costs)
    seen = [0.0, *np.unique(scores), 1.0]
    middles = [(low + high) / 2 for low, high in pairwise(seen) if low < high]
    for accept, reject in product(middles, middles):
        if accept <= reject:
            assert chosen <= _cost(scores, truth, Edges(accept, reject), **costs) + 1e-3


def test_five_perfect_images_leave_room_for_doubt():
    edges = choose_edges(*_arrays([0.1, 0.1], [0.9, 0.9, 0.9]))
    assert 0.1 < edges.accept_below < 0.5
    assert edges.accept_below < edges.reject_above < 0.9


def test_two_images_are_no_reason_to_accept_anything_doubtful():
    edges = choose_edges(*_arrays([0.6, 0.6], [0.9, 0.9, 0.9]))
    assert edges.accept_below < 0.1
    many = choose_edges(*_arrays([0.6] * 40, [0.9] * 40))
    assert 0.6 < many.accept_below <= many.reject_above < 0.9


def test_an_escape_costs_twenty_overkills():
    scores, truth = _arrays([0.1] * 30 + [0.3] * 30 + [0.5] * 10, [0.3] + [0.5] * 10 + [0.8] * 30)
    edges = choose_edges(scores, truth)
    assert 0.1 < edges.accept_below < 0.3  # 30 reviews at 0.5 are cheaper than one escape at 20
    assert edges.reject_above < 0.5 or 0.5 < edges.reject_above < 0.8
    careless = choose_edges(scores, truth, escape=2.0)
    assert careless.accept_below > 0.3


def test_without_one_of_the_sides_edges_stay_near_those_of_probabilities():
    assert choose_edges(*_arrays([], [0.9, 0.95])) == Edges(0.025, 0.5)
    good_only = choose_edges(*_arrays([0.1] * 200, []))
    assert good_only.accept_below > 0.1
    assert good_only.reject_above == 0.5


def test_a_costly_review_leaves_no_zone_for_it():
    scores, truth = _arrays(np.linspace(0, 0.7, 50), np.linspace(0.4, 1, 50))
    edges = choose_edges(scores, truth, review=5.0)
    assert edges.accept_below == edges.reject_above


def test_edges_lie_between_scores_not_on_them():
    scores, truth = _arrays([0.2] * 50, [0.21] * 50)
    edges = choose_edges(scores, truth)
    assert 0.2 < edges.accept_below <= edges.reject_above < 0.21
    beside = np.nextafter(0.2, 1)
    close = choose_edges(*_arrays([0.2] * 50, [beside] * 50))
    assert close.accept_below == close.reject_above == beside


@settings(max_examples=120, deadline=None)
@given(scored)
def test_no_threshold_has_a_better_f1(pairs):
    scores, truth = _split(pairs)
    chosen = choose_threshold(scores, truth)
    assert 0 <= chosen <= 1

    def f1(threshold):
        return metrics.f1_score(truth, scores >= threshold, zero_division=0.0)

    assert f1(chosen) == pytest.approx(max(f1(score) for score in scores))


def test_thresholds_of_one_class_are_not_extreme():
    assert choose_threshold(*_arrays([0.1, 0.2], [])) == 0.5
    assert choose_threshold(*_arrays([], [0.9, 0.8])) == 0.5
    assert choose_threshold(*_arrays([0.9], [])) > 0.9  # one wrong answer is worse than none


def test_order_does_not_matter():
    generator = np.random.default_rng(5)
    scores, truth = generator.random(60).round(1), generator.random(60) < 0.4
    mixed = generator.permutation(60)
    assert choose_threshold(scores, truth) == choose_threshold(scores[mixed], truth[mixed])
    assert choose_edges(scores, truth) == choose_edges(scores[mixed], truth[mixed])


@pytest.mark.parametrize("scores", [[], [0.5, 1.5], [np.nan, 0.5]])
def test_what_is_no_probability_is_refused(scores):
    for choose in (choose_threshold, choose_edges):
        with pytest.raises(EvaluationError, match="probability"):
            choose(np.array(scores), np.zeros(len(scores), dtype=bool))


def test_costs_must_be_above_nothing():
    with pytest.raises(EvaluationError, match="above 0"):
        choose_edges(*_arrays([0.1], [0.9]), review=0.0)


def test_photographs_of_one_part_count_as_one():
    # Six shots of one part score low; three other parts that show it score high.
    scores = np.array([0.2] * 6 + [0.7, 0.75, 0.8] + [0.3, 0.35, 0.4, 0.45])
    truth = np.arange(scores.size) < 9
    parts = ["often"] * 6 + ["a", "b", "c"] + ["d", "e", "f", "g"]
    assert choose_threshold(scores, truth) < 0.2
    assert 0.45 < choose_threshold(scores, truth, parts) < 0.7


@settings(max_examples=40, deadline=None)
@given(scored)
def test_no_threshold_between_scores_has_a_better_f1_by_parts(pairs):
    scores, truth = _split(pairs)
    grid = (np.arange(4_000) + 0.5) / 4_000

    def f1(threshold):
        found = np.sum(scores[truth] >= threshold) + np.mean(grid * (grid >= threshold))
        missed = np.sum(scores[truth] < threshold) + np.mean(grid * (grid < threshold))
        false = np.sum(scores[~truth] >= threshold) + np.mean((1 - grid) * (grid >= threshold))
        return 2 * found / (2 * found + missed + false)

    chosen = f1(choose_threshold(scores, truth, list(range(scores.size))))
    assert all(
        chosen >= f1(np.clip(0.5, low + (high - low) / 4, high - (high - low) / 4)) - 1e-3
        for low, high in pairwise([0.0, *np.unique(scores), 1.0])
        if low > 0.0 and high < 1.0 and low < high
    )


def test_edges_count_the_photographs_of_one_part_as_one() -> None:
    """A faint part photographed fifty times is one escape, and not fifty."""
    good = np.linspace(0.05, 0.45, 60)
    faint, plain = np.full(50, 0.2), np.linspace(0.8, 0.95, 30)
    scores = np.concatenate([good, faint, plain])
    defective = np.arange(scores.size) >= good.size
    parts = [*range(60), *["faint"] * 50, *range(100, 130)]
    costs = {"escape": 5.0, "overkill": 1.0, "review": 0.5}
    assert choose_edges(scores, defective, **costs).accept_below < 0.2
    assert choose_edges(scores, defective, **costs, parts=parts).accept_below > 0.4
