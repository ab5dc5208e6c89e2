import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from flawscope.evaluate import Confusion, auroc, average_precision
from flawscope.evaluate.ranking import Ranking, f1_score

# Few distinct scores, so that ties are the rule.
ranked = st.lists(
    st.tuples(st.integers(0, 6).map(lambda step: step / 6), st.booleans()), min_size=2, max_size=40
)


def _arrays(pairs):
    scores, truth = zip(*pairs, strict=True)
    return np.array(scores), np.array(truth)


@settings(max_examples=150, deadline=None)
@given(ranked)
def test_areas_are_those_of_scikit_learn_with_ties(pairs):
    scores, truth = _arrays(pairs)
    if truth.all() or not truth.any():
        assert auroc(scores, truth) is None
    else:
        assert auroc(scores, truth) == pytest.approx(metrics.roc_auc_score(truth, scores))
    if truth.any():
        expected = metrics.average_precision_score(truth, scores)
        assert average_precision(scores, truth) == pytest.approx(expected)
    else:
        assert average_precision(scores, truth) is None


@settings(max_examples=100, deadline=None)
@given(ranked, st.integers(0, 2**32 - 1))
def test_weighted_areas_are_those_of_repeated_images(pairs, seed):
    scores, truth = _arrays(pairs)
    times = np.random.default_rng(seed).integers(0, 4, size=(3, scores.size))
    figures = Ranking(scores, truth).auroc_and_precision(times.astype(float))
    for weights, (area, average) in zip(times, figures, strict=True):
        again, truly = np.repeat(scores, weights), np.repeat(truth, weights)
        if truly.any() and not truly.all():
            assert area == pytest.approx(metrics.roc_auc_score(truly, again))
        else:
            assert np.isnan(area)
        if truly.any():
            assert average == pytest.approx(metrics.average_precision_score(truly, again))
        else:
            assert np.isnan(average)


@settings(max_examples=100, deadline=None)
@given(ranked)
def test_curve_is_scikit_learns_without_its_artificial_end(pairs):
    scores, truth = _arrays(pairs)
    if not truth.any():
        return
    precision, recall, thresholds = metrics.precision_recall_curve(truth, scores)
    curve = Ranking(scores, truth).curve()
    np.testing.assert_allclose(curve.thresholds, thresholds)
    np.testing.assert_allclose(curve.precision, precision[:-1])
    np.testing.assert_allclose(curve.recall, recall[:-1])


@settings(max_examples=100, deadline=None)
@given(ranked, st.integers(0, 6).map(lambda step: step / 6))
def test_confusion_and_f1_are_scikit_learns(pairs, threshold):
    scores, truth = _arrays(pairs)
    got = Confusion.at(scores, truth, threshold)
    passed, false_alarms, missed, found = metrics.confusion_matrix(
        truth, scores >= threshold, labels=[False, True]
    ).ravel()
    assert got == Confusion(found, false_alarms, missed, passed)
    f1 = float(f1_score(*(np.array(float(c)) for c in (found, false_alarms, missed))))
    if truth.any():
        assert f1 == pytest.approx(metrics.f1_score(truth, scores >= threshold))
    else:
        assert np.isnan(f1)


@pytest.mark.train
def test_agrees_with_torchmetrics():
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.functional.classification")
    generator = np.random.default_rng(3)
    scores = generator.random(500).astype(np.float32).round(2)
    truth = generator.random(500) < scores
    tensors = torch.from_numpy(scores), torch.from_numpy(truth.astype(int))
    assert auroc(scores, truth) == pytest.approx(float(classification.binary_auroc(*tensors)))
    assert average_precision(scores, truth) == pytest.approx(
        float(classification.binary_average_precision(*tensors)), abs=1e-5
    )


def test_no_images_have_no_area():
    assert auroc(np.array([]), np.array([], dtype=bool)) is None
    assert average_precision(np.array([]), np.array([], dtype=bool)) is None
    assert Ranking(np.array([]), np.array([], dtype=bool)).curve().thresholds.size == 0
