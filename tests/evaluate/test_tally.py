import json
from dataclasses import fields

import numpy as np
import pytest
from sklearn import metrics

from flawscope.errors import EvaluationError
from flawscope.evaluate import Tally, matched_kinds
from flawscope.evaluate.intervals import wilson
from flawscope.values import UNNAMED, Box, Defect, Estimate, KindPolicy, Policy, Verdict

KINDS = ("crack", "dent")
KNOWN = ("Crack", "Dent", "Unasked")
MEASURED = ("auroc", "average_precision", "f1", "precision", "recall")


def _random_parts(count, seed, sample, inspection, size):
    """Parts, some with each kind, and finds that are right more often than not."""
    generator = np.random.default_rng(seed)
    for place in range(count):
        shown = [kind for kind in KINDS if generator.random() < 0.4]
        true = {kind: generator.random(size) < 0.2 for kind in shown}
        found = {
            kind.title(): mask & (generator.random(size) < 0.9)
            for kind, mask in true.items()
            if generator.random() < 0.8
        }
        if generator.random() < 0.1:
            found["Dent"] = generator.random(size) < 0.02
        probabilities = {
            kind: float(np.clip(generator.normal(0.3 + 0.4 * (kind.lower() in shown), 0.2), 0, 1))
            for kind in KNOWN
        }
        score = float(np.clip(generator.normal(0.7 if shown else 0.2, 0.25), 0, 1))
        yield (
            sample(bool(shown), true, name=f"{place}.png", group=f"part {place // 2}"),
            inspection(score, found, kinds=probabilities),
        )


@pytest.fixture
def parts(sample, inspection, size):
    return list(_random_parts(120, 0, sample, inspection, size))


def _evaluate(parts, policy, looked_for=KINDS, known=KNOWN, **options):
    tally = Tally(looked_for, known, policy, **options)
    for truth, said in parts:
        tally.add(truth, said)
    return tally.result()


def _estimates(value):
    if isinstance(value, dict):
        if set(value) == {"value", "low", "high", "n"}:
            yield value
        else:
            for part in value.values():
                yield from _estimates(part)


def test_the_json_is_the_contract(parts, policy):
    text = json.dumps(_evaluate(parts, policy).to_json(), allow_nan=False)
    got = json.loads(text)
    assert {
        "images", "screen", "kinds", "locate", "kaggle_dice", "kaggle_dice_all_empty", "verdicts",
    } <= set(got)  # fmt: skip
    assert set(got["screen"]) == {*MEASURED, "threshold", "confusion"}
    assert set(got["kinds"]) == {"Crack", "Dent"}
    assert set(got["kinds"]["Dent"]) == {*MEASURED, "threshold", "confusion", "support"}
    assert set(got["locate"]["by_kind"]["Crack"]) == {"dice", "iou", "dice_mean"}
    assert {"mean_iou", "pixel_accuracy", "any_kind"} <= set(got["locate"])
    assert set(got["locate"]["any_kind"]) == {"dice", "iou"}
    assert set(got["verdicts"]) == {"escape_rate", "overkill_rate", "review_rate"}
    assert got["images"] == 120
    assert got["screen"]["threshold"] == 0.5
    found = list(_estimates(got))
    assert len(found) == 5 + 10 + 6 + 4 + 2 + 3
    for estimate in found:
        assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1
        assert estimate["low"] < estimate["high"]
        assert 0 < estimate["n"] <= 120
    assert "Wilson" in got["intervals"]["proportions"]
    assert "bootstrap" in got["intervals"]["others"]
    assert got["intervals"]["groups"] == 60


def test_image_figures_are_scikit_learns(parts, policy):
    policy = policy.model_copy(update={"kinds": {"Dent": KindPolicy(probability=0.6)}})
    evaluation = _evaluate(parts, policy)
    defective = np.array([bool(truth.defects) for truth, _ in parts])
    dented = np.array(["dent" in truth.kinds for truth, _ in parts])
    for scores, truth, said, threshold in (
        (evaluation.screen, defective, np.array([said.score for _, said in parts]), 0.5),
        (evaluation.kinds["Dent"], dented, np.array([s.kinds["Dent"] for _, s in parts]), 0.6),
    ):
        assert scores.threshold == threshold
        assert scores.support == truth.sum()
        assert scores.auroc.value == pytest.approx(metrics.roc_auc_score(truth, said))
        assert scores.average_precision.value == pytest.approx(
            metrics.average_precision_score(truth, said)
        )
        yes = said >= threshold
        assert scores.f1.value == pytest.approx(metrics.f1_score(truth, yes))
        assert scores.precision.value == pytest.approx(metrics.precision_score(truth, yes))
        assert scores.recall.value == pytest.approx(metrics.recall_score(truth, yes))
        always = np.ones_like(truth)
        assert scores.trivial["f1"] == pytest.approx(metrics.f1_score(truth, always))
        assert scores.trivial["precision"] == pytest.approx(metrics.precision_score(truth, always))
        assert scores.trivial["average_precision"] == pytest.approx(
            metrics.average_precision_score(truth, always)
        )
        assert scores.trivial["auroc"] == metrics.roc_auc_score(truth, always)


def _stacks(parts, size):
    """Masks of every image and kind, true and found: two (n, k, h, w)."""
    from flawscope.masks import union

    return [
        np.stack(
            [
                [
                    union([d.mask for d in one.defects if d.kind.casefold() == kind], size)
                    for kind in KINDS
                ]
                for one in side
            ]
        )
        for side in zip(*parts, strict=True)
    ]


def test_pixel_figures_are_scikit_learns(parts, policy, size):
    locate = _evaluate(parts, policy).locate
    true, found = _stacks(parts, size)
    pooled = []
    for place, kind in enumerate(("Crack", "Dent")):
        flat = true[:, place].ravel(), found[:, place].ravel()
        pooled.append(metrics.jaccard_score(*flat))
        assert locate.by_kind[kind].iou.value == pytest.approx(pooled[-1])
        assert locate.by_kind[kind].dice.value == pytest.approx(metrics.f1_score(*flat))
        by_image = [
            metrics.f1_score(t.ravel(), f.ravel())
            for t, f in zip(true[:, place], found[:, place], strict=True)
            if t.any()
        ]
        assert locate.by_kind[kind].dice_mean.value == pytest.approx(np.mean(by_image))
        assert locate.by_kind[kind].dice_mean.n == len(by_image)
    assert locate.mean_iou.value == pytest.approx(np.mean(pooled))
    assert locate.pixel_accuracy.value == pytest.approx((true == found).all(axis=1).mean())
    assert locate.pixel_accuracy_all_empty == pytest.approx((~true.any(axis=1)).mean())
    flat = true.any(axis=1).ravel(), found.any(axis=1).ravel()
    assert locate.any_kind_iou.value == pytest.approx(metrics.jaccard_score(*flat))
    assert locate.any_kind_dice.value == pytest.approx(metrics.f1_score(*flat))
    kaggle = [
        metrics.f1_score(t.ravel(), f.ravel(), zero_division=1.0)
        for truth, finds in zip(true, found, strict=True)
        for t, f in zip(truth, finds, strict=True)
    ]
    assert locate.kaggle_dice.value == pytest.approx(np.mean(kaggle))
    assert locate.kaggle_dice_all_empty.value == pytest.approx(np.mean(~true.any(axis=(2, 3))))


@pytest.mark.train
def test_pooled_figures_are_torchmetrics(parts, policy, size):
    torch = pytest.importorskip("torch")
    classification = pytest.importorskip("torchmetrics.functional.classification")
    true, found = (torch.from_numpy(np.moveaxis(side, 1, -1).reshape(-1, 2).astype(int))
                   for side in _stacks(parts, size))  # fmt: skip
    locate = _evaluate(parts, policy).locate
    ious = classification.multilabel_jaccard_index(found.float(), true, 2, average="none")
    assert [float(one) for one in ious] == pytest.approx(
        [pixels.iou.value for pixels in locate.by_kind.values()]
    )
    assert float(ious.mean()) == pytest.approx(locate.mean_iou.value)


def test_verdicts_go_wrong_in_both_ways(sample, inspection, policy):
    scores = {True: [0.1, 0.19, 0.2, 0.5, 0.9], False: [0.0, 0.1, 0.3, 0.69, 0.7, 0.95, 0.1, 0.1]}
    parts = [
        (sample(defective, name=f"{defective} {score}"), inspection(score))
        for defective, ones in scores.items()
        for score in ones
    ]
    evaluation = _evaluate(parts, policy)
    for rate, wrong, all_of_them in (
        (evaluation.verdicts.escape_rate, 2, 5),
        (evaluation.verdicts.overkill_rate, 2, 8),
        (evaluation.verdicts.review_rate, 4, 13),
    ):
        assert (rate.value, rate.n) == (wrong / all_of_them, all_of_them)
        assert (rate.low, rate.high) == pytest.approx(wilson(wrong, all_of_them))
    assert [one.id for one in evaluation.escapes] == ["True 0.1", "True 0.19"]
    assert [one.id for one in evaluation.overkills] == ["False 0.95", "False 0.7"]
    assert evaluation.overkills[0].verdict is Verdict.REJECT
    table = evaluation.verdict_table
    assert table.rows == ("good", "defective")
    assert table.columns == ("accept", "review", "reject")
    assert table.counts == ((4, 2, 2), (2, 2, 1))


def test_the_trade_passes_through_the_edges_rates(parts, policy):
    trade = _evaluate(parts, policy).trade
    scores = np.array([said.score for _, said in parts])
    defective = np.array([bool(truth.defects) for truth, _ in parts])
    assert (trade.accept_below, trade.reject_above) == (0.2, 0.7)
    for threshold, escapes, overkill in zip(
        trade.thresholds, trade.escape_rate, trade.overkill_rate, strict=True
    ):
        assert escapes == pytest.approx(np.mean(scores[defective] < threshold))
        assert overkill == pytest.approx(np.mean(scores[~defective] >= threshold))
    assert (np.diff(trade.escape_rate) >= 0).all()
    assert trade.thresholds[0] == 0.0
    assert trade.overkill_rate[0] == 1.0


def test_the_kind_table_counts_images_of_one_kind(sample, inspection, policy):
    def labelled(kinds, probabilities):
        return sample(bool(kinds), kinds=kinds), inspection(0.9, kinds=probabilities)

    parts = [
        labelled(("crack",), {"Crack": 0.9, "Dent": 0.6}),
        labelled(("crack",), {"Crack": 0.55, "Dent": 0.6}),
        labelled(("dent",), {"Crack": 0.2, "Dent": 0.4}),
        labelled((), {"Crack": 0.7, "Dent": 0.1}),
        labelled((), {}),
        labelled(("crack", "dent"), {"Crack": 0.9, "Dent": 0.9}),
        (sample(True), inspection(0.9, kinds={"Crack": 0.9})),
    ]
    table = _evaluate(parts, policy).kind_table
    assert table.rows == table.columns == ("Crack", "Dent", "none")
    assert table.counts == ((1, 1, 0), (0, 0, 1), (1, 0, 1))


def test_any_kind_judges_screen_and_defect_or_not_alone(parts, policy):
    strangers = _evaluate(parts, policy, known=("rust",), any_kind=True)
    named = _evaluate(parts, policy)
    assert strangers.screen.auroc == named.screen.auroc
    assert strangers.verdicts == named.verdicts
    assert strangers.locate.any_kind_iou == named.locate.any_kind_iou
    got = json.loads(json.dumps(strangers.to_json(), allow_nan=False))
    assert got["kinds"] == {}
    assert got["locate"]["by_kind"] == {}
    nothing = {"value": None, "low": None, "high": None, "n": 0}
    assert got["locate"]["mean_iou"] == got["kaggle_dice"] == nothing
    assert strangers.kind_table.counts == ()


def test_finds_of_a_kind_nobody_looked_for_count_for_any_kind_alone(
    sample, inspection, policy, size
):
    blob = np.zeros(size, bool)
    blob[:4, :4] = True
    parts = [
        (sample(True, {"crack": blob}), inspection(0.9, {"Crack": blob, "Unasked": ~blob})),
        (sample(False, {}), inspection(0.1)),
    ]
    locate = _evaluate(parts, policy).locate
    assert locate.mean_iou.value == 1.0
    assert locate.pixel_accuracy.value == 1.0
    assert locate.any_kind_iou.value == pytest.approx(16 / 384)
    assert "Unasked" not in locate.by_kind


def test_an_unexplained_find_is_not_right(sample, inspection, policy, size):
    blob = np.zeros(size, bool)
    blob[:4, :4] = True
    parts = [(sample(True, {"crack": blob}), inspection(0.9, {UNNAMED: blob}))]
    locate = _evaluate(parts, policy).locate
    assert locate.any_kind_iou.value == 1.0
    assert locate.by_kind["Crack"].iou.value == 0.0
    assert locate.pixel_accuracy.value == pytest.approx(1 - 16 / 384)


def test_labels_and_boxes_count_for_what_they_say(sample, inspection, policy, size):
    boxed = sample(True, {"crack": np.ones(size, bool)}, name="boxed.png")
    defects = tuple(Defect(d.kind, Box(0, 0, 5, 5)) for d in boxed.defects)
    boxed = type(boxed)(boxed.id, boxed.image, size, boxed.label, defects, ("crack",))
    parts = [
        (boxed, inspection(0.9, kinds={"Crack": 0.9})),
        (sample(True, kinds=("dent",)), inspection(0.8)),
        (sample(True), inspection(0.6)),
        (sample(False), inspection(0.1)),
    ]
    evaluation = _evaluate(parts, policy)
    assert evaluation.images == 4
    assert evaluation.screen.auroc.value == 1.0
    assert evaluation.kinds["Crack"].auroc.n == 2
    assert evaluation.kinds["Dent"].support == 1
    assert evaluation.kinds["Dent"].recall.value == 0.0  # the cascade said nothing of dents
    assert evaluation.locate.images == 0
    assert evaluation.locate.any_kind_iou == Estimate(None, None, None, 0)
    json.dumps(evaluation.to_json(), allow_nan=False)


def test_unknown_labels_count_nowhere_and_are_counted(parts, policy, sample, inspection, size):
    stray = sample(None, {"crack": np.ones(size, bool)}), inspection(0.9)
    with_it, without = _evaluate([*parts, stray], policy), _evaluate(parts, policy)
    assert (with_it.unknown, without.unknown) == (1, 0)
    assert with_it.to_json() == {**without.to_json(), "unknown": 1}


@pytest.mark.parametrize("defective", [True, False])
def test_a_single_image(defective, sample, inspection, policy, size):
    masks = {"crack": np.ones(size, bool)} if defective else {}
    evaluation = _evaluate([(sample(defective, masks), inspection(0.6, masks))], policy)
    got = json.loads(json.dumps(evaluation.to_json(), allow_nan=False))
    assert got["screen"]["auroc"] == {"value": None, "low": None, "high": None, "n": 1}
    assert got["locate"]["mean_iou"]["value"] == (1.0 if defective else None)
    assert got["kaggle_dice"]["value"] == 1.0
    assert got["kaggle_dice_all_empty"]["value"] == (0.5 if defective else 1.0)
    assert got["verdicts"]["review_rate"]["value"] == 1.0
    assert got["verdicts"]["escape_rate"]["value"] == (0.0 if defective else None)
    assert got["verdicts"]["overkill_rate"]["value"] == (None if defective else 0.0)


def test_a_kind_that_no_image_shows_is_left_out_of_the_mean(sample, inspection, policy, size):
    blob = np.zeros(size, bool)
    blob[:8] = True
    parts = [
        (sample(True, {"crack": blob}, name="1"), inspection(0.9, {"Crack": blob, "Dent": ~blob})),
        (sample(False, {}, name="2"), inspection(0.1, {"Dent": blob})),
    ]
    evaluation = _evaluate(parts, policy)
    assert evaluation.locate.mean_iou.value == 1.0
    assert evaluation.locate.by_kind["Dent"].iou.value is None
    assert evaluation.locate.by_kind["Dent"].dice_mean.n == 0
    assert evaluation.locate.pixel_accuracy.value == pytest.approx(0.5)
    assert evaluation.kinds["Dent"].auroc.value is None
    assert evaluation.kinds["Dent"].support == 0


def test_kinds_are_matched_without_regard_to_case():
    assert matched_kinds(("CRACK", "dent", UNNAMED), ("Dent", "crack", "pit")) == ("Dent", "crack")
    assert matched_kinds((), ("pit",)) == ()
    with pytest.raises(EvaluationError, match=r"rust, scale \(it knows crack\).*--any-kind"):
        matched_kinds(("rust", "crack", "scale"), ("crack",))


def test_what_cannot_be_judged_is_refused(sample, inspection, policy):
    tally = Tally(KINDS, KNOWN, policy)
    for said in (inspection(float("nan")), inspection(0.5, kinds={"Crack": 1.5})):
        with pytest.raises(EvaluationError, match=r"a\.png.*0 to 1"):
            tally.add(sample(True), said)
    tally.add(sample(None), inspection(0.5))
    with pytest.raises(EvaluationError, match="none of 1 images"):
        tally.result()


def test_masks_are_let_go(parts, policy):
    from flawscope.evaluate.figures import Row

    tally = Tally(KINDS, KNOWN, policy)
    tally.add(*parts[0])
    row = tally._rows[0]
    sizes = [np.size(getattr(row.pixels, one.name)) for one in fields(row.pixels)]
    assert sum(sizes) <= 3 + 3 * len(KINDS) + 3
    assert {one.name for one in fields(Row)} == {
        "id", "group", "defective", "score", "verdict", "shows", "probabilities", "pixels",
    }  # fmt: skip


def test_ten_thousand_images_are_judged_in_seconds(sample, inspection, policy):
    from time import process_time

    generator = np.random.default_rng(0)
    tally = Tally((), (), Policy(accept_below=0.2, reject_above=0.7))
    for place, score in enumerate(generator.random(10_000)):
        defective = bool(generator.random() < score)
        tally.add(sample(defective, name=str(place)), inspection(float(score)))
    start = process_time()
    evaluation = tally.result()
    assert process_time() - start < 10
    assert evaluation.screen.curve.thresholds.size <= 500
    assert evaluation.trade.thresholds.size <= 500
    assert len(evaluation.escapes) == len(evaluation.overkills) == 24
