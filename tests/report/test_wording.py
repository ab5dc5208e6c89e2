import pytest

from flawscope.report import wording


def plain(text):
    return text.replace("\xa0", " ")


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (0.001, "< 1 %"),
        (0.5, "50 %"),
        (0.974, "97 %"),
        (0.9999, "> 99 %"),
        (1, "100 %"),
    ],
)
def test_only_certainty_is_called_certain(share, said):
    assert plain(wording.percent(share)) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 ms"), (0.0084, "8.4 ms"), (0.9996, "1,000 ms"), (2.31, "2.31 s"), (200, "3 min 20 s")],
)
def test_durations_have_the_unit_that_suits_them(seconds, said):
    assert plain(wording.duration(seconds)) == said


@pytest.mark.parametrize(
    ("value", "said"), [(1234.5, "1,234"), (0.01234, "0.0123"), (20, "20"), (-3.14159, "-3.14")]
)
def test_numbers_have_three_significant_digits(value, said):
    assert wording.significant(value) == said


def test_sizes_are_in_millimetres_where_the_scale_is_known():
    assert plain(wording.extent(14.2, 3.0, None)) == f"14 {wording.TIMES} 3 px"
    assert plain(wording.extent(142, 30, 0.1)) == f"14 {wording.TIMES} 3 mm"
    assert plain(wording.area(1500, None)) == "1,500 px²"
    assert plain(wording.area(1500, 0.1)) == "15 mm²"


def test_missing_figures_are_a_dash():
    for missing in (None, float("nan")):
        assert wording.figure(missing) == wording.rate(missing) == wording.NOTHING


def test_counts_agree_with_their_noun():
    assert plain(wording.count(1, "part")) == "1 part"
    assert plain(wording.count(1204, "part")) == "1,204 parts"
