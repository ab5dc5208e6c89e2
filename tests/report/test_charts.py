from xml.etree import ElementTree

import pytest

from flawscope.report.charts import Axis, Chart, Mark, Rule, Series, span

NAN = float("nan")


def chart(series, **more):
    more = {"x": Axis("step", 0, 10), "y": Axis("loss", 0, 1), "description": "a chart"} | more
    return Chart(series=series, **more)


def drawn(made):
    return ElementTree.fromstring(made.svg())


def texts(element):
    return [text.text for text in element.iter("text")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 940, [0, 200, 400, 600, 800]),
        (0.23, 0.31, [0.24, 0.26, 0.28, 0.3]),
        (-3, 3, [-3, -2, -1, 0, 1, 2, 3]),
        (0, 3e-7, [0, 5e-8, 1e-7, 1.5e-7, 2e-7, 2.5e-7, 3e-7]),
    ],
)
def test_ticks_are_round_and_on_the_axis(low, high, expected):
    assert [value for value, _ in Axis("", low, high).ticks()] == pytest.approx(expected)


def test_shares_are_written_in_percent_and_small_numbers_as_powers():
    assert [text.replace("\xa0", " ") for _, text in Axis("", 0, 0.4, shares=True).ticks()] == [
        "0 %",
        "10 %",
        "20 %",
        "30 %",
        "40 %",
    ]
    assert Axis("", 0, 0.0006).ticks()[2][1] == "2e-4"


def test_a_logarithmic_axis_has_equal_distances_for_equal_factors():
    axis = Axis("rate", 1e-5, 1e-2, logarithmic=True)
    assert [axis.share(10.0**power) for power in (-5, -4, -3, -2)] == pytest.approx(
        [0, 1 / 3, 2 / 3, 1]
    )
    assert [value for value, _ in axis.ticks()] == pytest.approx([1e-5, 1e-4, 1e-3, 1e-2])
    assert len(Axis("", 0.9, 6, logarithmic=True).ticks()) >= 2


def test_axes_start_low_left_and_end_high_right():
    made = chart([])
    assert made.across(0) < made.across(10) <= made.width
    assert made.height >= made.down(0) > made.down(1) >= 0


def test_a_line_breaks_where_a_value_is_missing():
    path = chart([]).path(Series("loss", [0, 1, 2, 3], [0.5, 0.4, NAN, 0.2]))
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert "nan" not in path


def test_steps_keep_a_value_until_the_next():
    made = chart([])
    path = made.path(Series("p", [0, 10], [1, 0], steps=True))
    assert path == (f"M{made.across(0):g} {made.down(1):g}H{made.across(10):g}V{made.down(0):g}")


def test_an_svg_holds_lines_marks_rules_and_labels():
    element = drawn(
        chart(
            [Series("a", [0, 5], [0, 1]), Series("b", [0, 5], [1, 0], 2, dashed=True)],
            marks=[Mark(5, 0.5, "chosen")],
            rules=[Rule(3, "edge")],
        )
    )
    assert element.get("aria-label") == "a chart"
    assert [path.get("class") for path in element.iter("path")] == ["series", "series dashed"]
    circle = next(element.iter("circle"))
    made = chart([])
    assert float(circle.get("cx")) == made.across(5)
    assert float(circle.get("cy")) == made.down(0.5)
    assert {"step", "loss", "chosen", "edge"} <= set(texts(element))


def test_a_series_without_points_is_left_out_and_names_are_escaped():
    element = drawn(
        chart([Series("none", [0], [NAN]), Series("<script>", [0], [0])], description='"<b>')
    )
    assert [title.text for title in element.iter("title")] == ["<script>"]
    assert element.get("aria-label") == '"<b>'


def test_series_of_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        chart([]).path(Series("a", [0, 1], [0]))


@pytest.mark.parametrize("values", [[], [NAN], [3.0], [0.0], [-1.0, -1.0], [2.0, 5.0]])
def test_an_axis_can_be_made_of_any_values(values):
    low, high = span(values)
    assert low < high
    assert all(low <= value <= high for value in values if value == value)
    Axis("", low, high).ticks()


def test_a_logarithmic_span_leaves_out_what_has_no_logarithm():
    low, high = span([0.0, -1.0, 0.01, 1.0], logarithmic=True)
    assert 0 < low <= 0.01
    assert high >= 1.0
