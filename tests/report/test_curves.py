import re

import pytest

from flawscope.report import write_curves
from flawscope.report.curves import _MOST_POINTS


def rows(count=30):
    made = []
    for step in range(1, count + 1):
        made.append({"step": step, "minutes": step / 10, "loss": 1 / step, "learning_rate": 1e-4})
        if step % 10 == 0:
            made.append({"step": step, "minutes": step / 10, "score": step / 100, "any_dice": None})
    return made


def test_losses_rate_and_scores_have_a_chart_each(tmp_path, open_page):
    page = open_page(write_curves(rows(), tmp_path / "curves.html", title="Run <7>"))
    assert page.locator("h1").inner_text() == "Run <7>"
    assert page.locator("figure h3").all_inner_texts() == [
        "Losses",
        "Learning rate",
        "Validation scores",
    ]
    text = page.locator("body").inner_text().replace("\xa0", " ")
    assert "3 min 0 s" in text
    assert re.search(r"loss\s+0\.0333\s+0\.0333\s+1\n", text)
    assert re.search(r"score\s+0\.3\s+0\.1\s+0\.3\n", text)


def test_a_page_loads_itself_again_only_while_the_run_goes_on(tmp_path):
    out = tmp_path / "curves.html"
    assert '<meta http-equiv="refresh"' in write_curves(rows(), out, running=True).read_text()
    assert '<meta http-equiv="refresh"' not in write_curves(rows(), out).read_text()


def test_a_run_that_has_logged_nothing_has_a_page(tmp_path, open_page):
    page = open_page(write_curves([], tmp_path / "curves.html"))
    assert "Nothing has been logged yet" in page.locator("body").inner_text()


def test_a_loss_that_is_no_number_breaks_its_line(tmp_path):
    bad = [{"step": 1, "loss": 1.0}, {"step": 2, "loss": float("nan")}, {"step": 3, "loss": 2.0}]
    bad += [{"step": 4, "loss": float("inf")}]
    text = write_curves(bad, tmp_path / "curves.html").read_text()
    (path,) = re.findall(r'<path class="series" style="[^"]+" d="([^"]+)"><title>loss', text)
    assert path.count("M") == 2


def test_long_runs_are_thinned_but_end_where_they_end(tmp_path):
    text = write_curves(rows(12_345), tmp_path / "curves.html").read_text()
    (path,) = re.findall(r'd="(M[^"]+)"><title>loss', text)
    assert len(re.findall("[ML]", path)) <= _MOST_POINTS + 1
    assert "12,345" in text


@pytest.mark.parametrize("name", ["epoch", "step", None])
def test_the_axis_is_what_the_rows_count_by(tmp_path, name):
    counted = [{name: 3, "loss": 1.0}] if name else [{"loss": 1.0}]
    text = write_curves(counted, tmp_path / "curves.html").read_text()
    assert f">{name or 'row'}</text>" in text
