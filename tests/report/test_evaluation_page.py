import numpy as np
import pytest
from report_parts import KINDS, POLICY, comparison, defect

from flawscope.evaluate import Tally
from flawscope.report import write_evaluation_page
from flawscope.report.evaluation import recall_chart, trade_charts

HOSTILE = "<script>alert(1)</script>.png"
CRACK = defect("crack", (20, 40), (30, 90))
PIT = defect("pit", (60, 70), (100, 110))


def parts():
    """Good and defective parts, most of them told apart; one escape, two overkills."""
    made = [comparison(f"good/{n}.png", 0.05 + n / 100) for n in range(20)]
    made += [comparison(f"crack/{n}.png", 0.99 - n / 100, [CRACK], [CRACK]) for n in range(12)]
    made += [comparison(f"pit/{n}.png", 0.6 + n / 50, [PIT], [PIT]) for n in range(12)]
    made += [comparison(HOSTILE, 0.02, [CRACK])]
    made += [comparison("good/bright.png", 0.95, [], [PIT]), comparison("good/dark.png", 0.8)]
    return made


def judged(comparisons, **options):
    tally = Tally(KINDS, KINDS, POLICY, **options)
    for one in comparisons:
        tally.add(one.sample, one.examination.inspection)
    return tally.result()


@pytest.fixture(scope="module")
def evaluation():
    return judged(parts())


@pytest.fixture(scope="module")
def asked():
    return []


@pytest.fixture(scope="module")
def written(tmp_path_factory, evaluation, asked):
    by_id = {one.sample.id: one for one in parts()}

    def look(name):
        asked.append(name)
        return by_id[name]

    return write_evaluation_page(
        evaluation,
        tmp_path_factory.mktemp("evaluation"),
        title="tester on parts",
        facts=[("split", "test <b>")],
        look=look,
    )


def said(element):
    return element.inner_text().replace("\xa0", " ")


def test_the_page_shows_each_rate_with_its_interval_and_n(written, evaluation, open_page):
    text = said(open_page(written).locator(".figures"))
    escape = evaluation.verdicts.escape_rate
    assert f"{100 * escape.value:.1f} %" in text
    assert f"{100 * escape.low:.1f} % to {100 * escape.high:.1f} %, n = 25" in text
    assert f"{evaluation.screen.auroc.value:.3f}" in text


def test_matrices_tables_and_trivial_answers_are_there(written, evaluation, open_page):
    page = open_page(written)
    verdicts = page.locator(".matrix").first
    assert verdicts.locator(".cell b").all_inner_texts() == ["20", "0", "2", "1", "5", "19"]
    assert [said(cell).split() for cell in verdicts.locator(".wrong").all()] == [
        ["2", "overkill"],
        ["1", "escapes"],
    ]
    body = said(page.locator("body"))
    for words in ("yes to all", "nothing found", "accept all", "Kaggle Dice", "trivial 0.", "n = "):
        assert words in body
    assert page.locator(".matrix").count() == 3 + len(evaluation.kinds)
    for place, scores in enumerate(evaluation.kinds.values(), start=2):
        cells = page.locator(".matrix").nth(place).locator(".cell b").all_inner_texts()
        one = scores.confusion
        right = (one.true_negative, one.false_positive, one.false_negative, one.true_positive)
        assert cells == [str(number) for number in right]
        assert page.locator(".matrix").nth(place).locator(".wrong").count() == 2
    assert page.locator("svg.chart").count() == 5
    assert "test <b>" in body


def test_only_mistakes_are_looked_at_and_both_outlines_are_drawn(written, asked, open_page):
    page = open_page(written)
    assert asked == [HOSTILE, "good/bright.png", "good/dark.png"]
    pictures = page.locator("svg.part")
    assert pictures.count() == 3
    assert pictures.nth(0).locator("path.truth").count() == 1
    assert pictures.nth(0).locator("path.found").count() == 0
    assert pictures.nth(1).locator("path.found").count() == 1
    text = said(page.locator("body"))
    assert HOSTILE in text
    assert "1 of 1, the surest mistakes first" in text
    assert "2 of 2, the surest mistakes first" in text


def test_a_page_fits_a_telephone(written, open_page):
    page = open_page(written, viewport={"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_chosen_edges_stand_on_the_trade(evaluation):
    by_threshold, against = trade_charts(evaluation.trade, evaluation.verdicts)
    assert [rule.x for rule in by_threshold.rules] == [0.3, 0.7]
    escapes, overkill = by_threshold.series
    assert escapes.y[0] == 0.0
    assert overkill.y[0] == 1.0
    (mark,) = against.marks
    assert (mark.x, mark.y) == pytest.approx((2 / 22, 1 / 25))


def test_a_curve_starts_at_a_recall_of_zero_and_carries_the_threshold(evaluation):
    made = recall_chart("the screen", evaluation.screen)
    curve, trivial = made.series
    assert curve.x[0] == 1.0
    assert curve.x[-1] == 0.0
    assert curve.y[-1] == curve.y[-2]
    assert trivial.y == pytest.approx((25 / 47, 25 / 47))
    area = -np.sum(np.diff(curve.x) * np.array(curve.y[:-1]))
    assert area == pytest.approx(evaluation.screen.average_precision.value)
    (mark,) = made.marks
    assert mark.x == evaluation.screen.recall.value


@pytest.mark.parametrize(
    "comparisons",
    [
        [comparison("a.png", 0.1)],
        [comparison("a.png", 0.9, [CRACK], [CRACK])],
        [comparison("a.png", 0.9)],
        [comparison("a.png", 0.1, [CRACK])],
    ],
    ids=["only good", "only defective", "only overkill", "only an escape"],
)
@pytest.mark.parametrize("any_kind", [False, True])
def test_pages_of_hardly_any_parts_open(tmp_path, open_page, comparisons, any_kind):
    path = write_evaluation_page(judged(comparisons, any_kind=any_kind), tmp_path)
    page = open_page(path)
    assert "nan" not in said(page.locator("body")).lower().replace("nano", "")
    assert page.locator("svg.part").count() == 0, "mistakes are named where nobody can look"
