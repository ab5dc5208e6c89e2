import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco
from sklearn.metrics import f1_score, jaccard_score

from flawscope.errors import EvaluationError, MaskError
from flawscope.evaluate import dice, iou, kaggle_dice
from flawscope.evaluate.pixels import BOTH, FOUND, TRUE, count_pixels, has_pixel_truth
from flawscope.values import UNNAMED, Box, Defect, Label, RunLengths, Sample, Size

KINDS = ("Crack", "Dent", "Pit")


def _some(generator, size, share=0.3):
    return generator.random(size) < share


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.02, 0.5, 1.0]))
def test_dice_and_iou_are_those_of_pycocotools_and_scikit_learn(seed, share):
    generator = np.random.default_rng(seed)
    found, true = _some(generator, (9, 7), share), _some(generator, (9, 7), 0.2)
    counts = np.array([np.sum(found & true), found.sum(), true.sum()])
    if not true.any():
        assert np.isnan(dice(counts))
        assert np.isnan(iou(counts))
        assert kaggle_dice(counts) == (not found.any())
        return
    ours, theirs = (coco.encode(np.asfortranarray(m.astype(np.uint8))) for m in (found, true))
    assert iou(counts) == pytest.approx(coco.iou([ours], [theirs], [0])[0, 0])
    assert iou(counts) == pytest.approx(jaccard_score(true.ravel(), found.ravel()))
    assert dice(counts) == pytest.approx(f1_score(true.ravel(), found.ravel()))
    assert kaggle_dice(counts) == dice(counts)


@pytest.mark.parametrize("seed", range(6))
def test_counts_of_an_image_are_those_of_its_pixels(seed, sample, inspection, size):
    generator = np.random.default_rng(seed)
    true = {kind: _some(generator, size) for kind in KINDS[:2]}
    found = {kind.upper(): _some(generator, size) for kind in (KINDS[1], KINDS[2], "Scratch")}
    found[UNNAMED] = _some(generator, size, 0.1)
    counts = count_pixels(sample(True, true), inspection(0.9, found), KINDS)
    assert counts.any_kind.tolist() == _expected(list(found.values()), list(true.values()), size)
    layers = []
    for place, kind in enumerate(KINDS):
        pair = (
            [m for m in (found.get(kind.upper()),) if m is not None],
            ([true[kind]] if kind in true else []),
        )
        assert counts.kinds[place].tolist() == _expected(*pair, size)
        layers.append([_any(masks, size) for masks in pair])
    layers.append([found[UNNAMED], np.zeros(size, bool)])
    sets_found, sets_true = (np.stack(side) for side in zip(*layers, strict=True))
    assert counts.right == np.sum((sets_found == sets_true).all(axis=0))
    assert counts.empty_right == np.sum(~sets_true.any(axis=0))
    assert counts.pixels == size.height * size.width


def _any(masks, size):
    return np.any(masks, axis=0) if masks else np.zeros(size, bool)


def _expected(found, true, size):
    found, true = _any(found, size), _any(true, size)
    return [int(np.sum(found & true)), int(found.sum()), int(true.sum())]


def test_overlapping_defects_of_a_kind_count_once(sample, inspection, size):
    left, right = np.zeros(size, bool), np.zeros(size, bool)
    left[:, :10], right[:, 6:14] = True, True
    truth = sample(True, {"crack": left, "CRACK": right})
    found = inspection(0.9, {"crack": left | right})
    counts = count_pixels(truth, found, ("crack",))
    assert counts.kinds.tolist() == [[14 * 16] * 3]
    assert counts.right == counts.pixels


def test_nothing_found_where_nothing_is(sample, inspection):
    counts = count_pixels(sample(False, {}), inspection(0.1), KINDS)
    assert counts.any_kind.tolist() == [0, 0, 0]
    assert counts.right == counts.pixels == counts.empty_right
    assert np.isnan(iou(counts.kinds)).all()
    assert kaggle_dice(counts.kinds).tolist() == [1, 1, 1]


def test_a_true_defect_of_unknown_kind_counts_for_any_kind_alone(sample, inspection, size):
    blob = np.ones(size, bool)
    counts = count_pixels(sample(True, {UNNAMED: blob}), inspection(0.9, {"pit": blob}), KINDS)
    assert counts.kinds is None
    assert counts.any_kind.tolist() == [384, 384, 384]


def test_a_find_without_a_mask_has_no_pixels(sample, inspection, size):
    found = inspection(0.9)
    boxed = type(found)(
        found.id, size, found.verdict, 0.9, {}, (Defect("pit", Box(0, 0, 4, 4)),), (), ""
    )
    counts = count_pixels(sample(True, {"pit": np.ones(size, bool)}), boxed, KINDS)
    assert counts.any_kind[[BOTH, FOUND, TRUE]].tolist() == [0, 0, 384]


def test_boxes_are_no_pixel_truth(sample, size):
    def labelled(defects):
        return Sample("a", "a", size, Label.DEFECTIVE, defects)

    mask = RunLengths(size, (0, 384))
    box = Box(0, 0, 24, 16)
    assert has_pixel_truth(labelled((Defect("pit", box, mask),)))
    assert has_pixel_truth(sample(False, {}))
    assert not has_pixel_truth(labelled((Defect("pit", box, mask), Defect("pit", box))))
    assert not has_pixel_truth(labelled(None))


def test_other_sizes_are_refused_by_name(sample, inspection, size):
    with pytest.raises(EvaluationError, match=r"part-7\.png.*16 x 24.*8 x 8"):
        count_pixels(sample(True, {}, name="part-7.png"), inspection(0.1, size=Size(8, 8)), KINDS)
    wrong = {"pit": np.ones((4, 4), bool)}
    with pytest.raises(MaskError, match="4 x 4"):
        count_pixels(sample(True, wrong), inspection(0.1), KINDS)
