import numpy as np
import pytest

from flawscope.evaluate import auroc
from flawscope.evaluate.intervals import NOTHING, estimates, numbered, proportion, wilson
from flawscope.evaluate.ranking import Ranking

alone = np.arange


def _mean(values):
    return lambda weights: (weights @ values / weights.sum(axis=1))[:, None]


def _mean_estimate(values, groups):
    hinges = np.ones((values.size, 1), dtype=bool)
    return estimates(_mean(values), groups, hinges, [values.size])[0]


def test_wilson_is_the_published_interval():
    # Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for successes, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        assert wilson(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_a_proportion_of_single_images_is_wilsons_plain():
    hits = np.arange(40) < 7
    estimate = proportion(hits, alone(40))
    assert (estimate.value, estimate.n) == (7 / 40, 40)
    assert (estimate.low, estimate.high) == pytest.approx(wilson(7, 40))


def test_a_proportion_of_identical_images_rests_on_the_groups():
    hits = np.repeat(np.arange(20) < 5, 6)
    estimate = proportion(hits, np.repeat(np.arange(20), 6))
    assert (estimate.low, estimate.high) == pytest.approx(wilson(5, 20))
    assert estimate.n == 120


def test_no_hits_and_no_images():
    assert proportion(np.zeros(12, bool), alone(12)).low == 0.0
    assert proportion(np.ones(12, bool), alone(12)).high == 1.0
    assert proportion(np.zeros(0, bool), alone(0)) == NOTHING
    assert estimates(_mean(np.zeros(0)), alone(0), np.ones((0, 1), bool), [0]) == [NOTHING]


def test_groups_are_numbered_and_the_ungrouped_stand_alone():
    assert numbered(["b", None, "a", "b", None]).tolist() == [0, 1, 2, 0, 3]
    assert numbered([0, None, 1]).tolist() == [0, 1, 2]


def test_the_same_data_give_the_same_interval():
    values = np.random.default_rng(0).random(30)
    assert _mean_estimate(values, alone(30)) == _mean_estimate(values, alone(30))


def test_copies_in_a_group_do_not_narrow_an_interval():
    values = np.random.default_rng(1).random(25)
    once = _mean_estimate(values, alone(25))
    copied = _mean_estimate(np.repeat(values, 8), np.repeat(np.arange(25), 8))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    assert copied.n == 200


def test_a_figure_of_one_group_has_no_interval():
    estimate = _mean_estimate(np.array([0.2, 0.4]), np.array([0, 0]))
    assert estimate.value == pytest.approx(0.3)
    assert (estimate.low, estimate.high, estimate.n) == (None, None, 2)
    hinged = estimates(
        _mean(np.array([0.2, 0.4, 0.9])), alone(3), np.array([[True], [False], [False]]), [3]
    )[0]
    assert hinged.low is None


def test_a_perfect_figure_is_not_certain():
    truth = np.arange(12) < 4
    ranking = Ranking(truth.astype(float), truth)
    hinges = np.stack([truth, truth], axis=1)
    area, _ = estimates(ranking.auroc_and_precision, alone(12), hinges, [12, 12])
    assert (area.value, area.high) == (1.0, 1.0)
    assert area.low == pytest.approx(wilson(4, 4)[0])


def test_a_figure_that_does_not_exist_has_no_value():
    truth = np.zeros(5, dtype=bool)
    ranking = Ranking(np.linspace(0, 1, 5), truth)
    hinges = np.stack([truth, truth], axis=1)
    for estimate in estimates(ranking.auroc_and_precision, alone(5), hinges, [5, 5]):
        assert (estimate.value, estimate.low, estimate.high, estimate.n) == (None, None, None, 5)


def test_many_images_are_resampled_in_bounded_pieces():
    largest = 0

    def watched(weights):
        nonlocal largest
        largest = max(largest, weights.size)
        return weights.mean(axis=1, keepdims=True)

    estimates(watched, alone(10_000), np.ones((10_000, 1), bool), [10_000])
    assert largest <= 1_000_000


def test_auroc_intervals_cover_the_truth():
    # Two normal curves a distance d apart have an AUROC of the normal integral of d over root 2;
    # for d = root 2 that is 0.8413. 95 % intervals of 120 trials miss about 6; 18 would be absurd.
    generator = np.random.default_rng(7)
    truth = np.arange(80) < 30
    missed = 0
    for _ in range(120):
        scores = generator.normal(np.where(truth, np.sqrt(2), 0.0))
        ranking = Ranking(scores, truth)
        hinges = np.stack([truth, truth], axis=1)
        area, _ = estimates(ranking.auroc_and_precision, alone(80), hinges, [80, 80])
        assert area.value == auroc(scores, truth)
        missed += not area.low <= 0.84134 <= area.high
    assert missed <= 14


def test_grouped_intervals_cover_where_plain_ones_do_not():
    # Six nearly equal images of each of 30 parts.
    generator = np.random.default_rng(11)
    groups = np.repeat(np.arange(30), 6)
    missed = {"grouped": 0, "plain": 0, "share": 0, "plain share": 0}
    for _ in range(150):
        part = np.repeat(generator.random(30), 6)
        values = part + generator.normal(0, 0.02, 180)
        hits = part < 0.3
        for name, estimate, true in (
            ("grouped", _mean_estimate(values, groups), 0.5),
            ("plain", _mean_estimate(values, alone(180)), 0.5),
            ("share", proportion(hits, groups), 0.3),
            ("plain share", proportion(hits, alone(180)), 0.3),
        ):
            missed[name] += not estimate.low <= true <= estimate.high
    assert missed["grouped"] <= 18
    assert missed["share"] <= 18
    assert missed["plain"] > 40
    assert missed["plain share"] > 40
