import numpy as np
import pytest

from flawscope.evaluate import (
    THRESHOLDS,
    choose_areas,
    choose_mask_thresholds,
    dice,
    piece_counts,
    threshold_counts,
)


def test_counts_at_thresholds_are_those_of_the_masks():
    generator = np.random.default_rng(0)
    probabilities = generator.random((13, 11)).astype(np.float32).round(2)
    truth = generator.random((13, 11)) < 0.3
    counts = threshold_counts(probabilities, truth)
    for threshold, (both, found, true) in zip(THRESHOLDS, counts, strict=True):
        mask = probabilities.astype(float) >= threshold
        assert (both, found, true) == (np.sum(mask & truth), mask.sum(), truth.sum())


def test_the_threshold_of_the_best_dice_is_chosen():
    generator = np.random.default_rng(1)
    truth = generator.random((20, 40, 40)) < 0.1
    # Probabilities on either side of 0.3 rather than of 0.5.
    probabilities = np.where(truth, 0.32, 0.27) + generator.normal(0, 0.01, truth.shape)
    counts = np.stack([threshold_counts(*pair) for pair in zip(probabilities, truth, strict=True)])
    assert choose_mask_thresholds({"pit": counts}) == {"pit": 0.3}


def test_among_thresholds_as_good_the_plainest_is_chosen():
    truth = np.zeros((10, 10), bool)
    truth[2:5, 2:5] = True
    counts = threshold_counts(np.where(truth, 0.97, 0.01), truth)[None]
    assert choose_mask_thresholds({"dent": counts, "pit": counts * [1, 1, 0]}) == {
        "dent": 0.5,
        "pit": 0.5,
    }


def test_small_defects_have_their_say_beside_large_ones():
    # One large defect asks for 0.6, nine small ones for 0.4.
    thresholds = np.array([0.4, 0.6])
    large = [[9000, 10500, 10000], [9600, 10000, 10000]]
    small = [[9, 10, 10], [3, 4, 10]]
    counts = np.array([large] + [small] * 9)
    pooled = dice(counts.sum(axis=0))
    assert pooled.argmax() == 1
    assert choose_mask_thresholds({"pit": counts}, thresholds) == {"pit": 0.4}


def test_one_part_is_no_reason_for_an_unusual_threshold():
    thresholds = np.array([0.2, 0.5])
    better = [[9, 10, 10], [5, 6, 10]]
    counts = {"pit": np.array([better] * 6)}
    assert choose_mask_thresholds(counts, thresholds) == {"pit": 0.2}
    assert choose_mask_thresholds(counts, thresholds, {"pit": ["one"] * 6}) == {"pit": 0.5}
    apart = {"pit": list("abcdef")}
    assert choose_mask_thresholds(counts, thresholds, apart) == {"pit": 0.2}
    worse = [[5, 6, 10], [9, 10, 10]]
    mixed = {"pit": np.array([better] * 4 + [worse] * 3)}
    assert choose_mask_thresholds(mixed, thresholds) == {"pit": 0.2}
    assert choose_mask_thresholds(mixed, thresholds, {"pit": list("abcdefg")}) == {"pit": 0.5}


def test_pieces_of_a_mask_and_what_is_true_of_them():
    found, truth = np.zeros((12, 12), bool), np.zeros((12, 12), bool)
    found[1:3, 1:3] = found[6:10, 6:10] = True
    truth[7:12, 7:12] = True
    assert sorted(piece_counts(found, truth).tolist()) == [[4, 0], [16, 9]]
    assert piece_counts(np.zeros((3, 3), bool), truth[:3, :3]).shape == (0, 2)


def _images(*pieces):
    return [np.array(ones, dtype=np.int64).reshape(-1, 2) for ones in pieces]


def test_specks_are_dropped_and_true_defects_kept():
    pieces = _images([(50, 45), (4, 0)], [(60, 50)], [(5, 0), (3, 0)], [(6, 0)], [])
    areas = choose_areas({"pit": pieces}, {"pit": np.array([50, 60, 0, 0, 0])})
    assert areas == {"pit": 7}


def test_an_area_that_would_lose_the_defects_is_not_chosen():
    pieces = _images([(5, 5)], [(6, 6)], [(40, 0)], [])
    assert choose_areas({"pit": pieces}, {"pit": np.array([5, 6, 0, 0])}) == {"pit": 0}


def test_clean_images_do_not_outvote_the_few_that_show_it():
    pieces = _images([(8, 8)], *[[(9, 0)]] * 20, *[[]] * 60)
    true = np.array([8] + [0] * 80)
    assert choose_areas({"pit": pieces}, {"pit": true}) == {"pit": 0}


@pytest.mark.parametrize("pieces", [_images([(9, 0)], []), _images([], [])])
def test_a_kind_that_no_image_shows_drops_nothing(pieces):
    assert choose_areas({"pit": pieces}, {"pit": np.array([0, 0])}) == {"pit": 0}


def test_nothing_found_drops_nothing():
    assert choose_areas({"pit": _images([], [])}, {"pit": np.array([9, 0])}) == {"pit": 0}


def test_many_specks_are_tried_in_bounded_time():
    generator = np.random.default_rng(2)
    pieces = _images(*[[(area, 0) for area in generator.integers(1, 5000, 40)] for _ in range(40)])
    pieces.append(np.array([[9000, 9000]]))
    area = choose_areas({"pit": pieces}, {"pit": np.array([0] * 40 + [9000])})["pit"]
    assert max(ones[:, 0].max() for ones in pieces[:40]) < area <= 9000
