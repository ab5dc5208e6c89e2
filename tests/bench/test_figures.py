"""Shares, percentiles and ratios, against numpy and against lines written out part by part."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from flawscope.bench import SHARES, Picture, composed, mixed, percentiles, row, spread

GOOD = tuple(Picture(Path(f"good-{number}.jpg"), False) for number in range(4))
DEFECTIVE = tuple(Picture(Path(f"defective-{number}.jpg"), True) for number in range(3))


@pytest.mark.parametrize(("share", "length"), SHARES.items())
def test_a_line_shows_its_share_evenly_spread(share: str, length: int) -> None:
    mix = mixed(GOOD, DEFECTIVE, share, length)
    assert len(mix.pictures) == length
    assert mix.share == pytest.approx(float(share))
    places = [place for place, picture in enumerate(mix.pictures) if picture.defective]
    gaps = {after - before for before, after in pairwise(places)}
    assert gaps <= {round(1 / float(share))}
    defective = [picture for picture in mix.pictures if picture.defective]
    assert defective == [DEFECTIVE[number % 3] for number in range(len(defective))]
    good = [picture for picture in mix.pictures if not picture.defective]
    assert good == [GOOD[number % 4] for number in range(len(good))]


def test_a_line_that_cannot_show_its_share_is_refused() -> None:
    with pytest.raises(ValueError, match=r"20 parts cannot show a share of 0\.02"):
        mixed(GOOD, DEFECTIVE, "0.02", 20)


@pytest.mark.parametrize(("share", "length"), SHARES.items())
def test_composing_gives_what_a_line_adds_up_to(share: str, length: int) -> None:
    takes = {False: 0.7, True: 2.1}
    mix = mixed(GOOD, DEFECTIVE, share, length)
    added = sum(takes[picture.defective] for picture in mix.pictures) / length
    assert composed([0.6, 0.8], [2.0, 2.2], float(share)) == pytest.approx(added)


def test_a_sort_without_a_share_may_be_missing() -> None:
    assert composed([], [2.0], 1.0) == 2.0
    assert composed([0.5], [], 0.0) == 0.5


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_percentiles_are_numpys_of_a_line_written_out(share: float) -> None:
    rng = np.random.default_rng(3)
    good, defective = rng.exponential(1.0, 12), 2.0 + rng.exponential(1.0, 12)
    parts = round(100 * share)
    line = [*good.repeat(100 - parts), *defective.repeat(parts)]
    found = percentiles(list(good), list(defective), share)
    for name, part in {"p50": 50, "p95": 95, "p99": 99}.items():
        assert found[name] == np.percentile(line, part, method="inverted_cdf")


def test_percentiles_of_good_parts_alone() -> None:
    assert percentiles([3.0, 1.0, 2.0], [], 0.0) == {"p50": 2.0, "p95": 3.0, "p99": 3.0}


def test_a_ratio_is_the_median_of_pairs_with_its_spread() -> None:
    ours, theirs = [0.02, 0.04, 0.02, 0.02, 0.01], [1.0, 2.4, 0.9, 0.8, 0.6]
    found = row(ours, theirs)
    ratios = np.divide(theirs, ours)
    assert found.ratio == pytest.approx(np.median(ratios)) == pytest.approx(50.0)
    assert found.ratio_low == pytest.approx(np.percentile(ratios, 5))
    assert found.ratio_high == pytest.approx(np.percentile(ratios, 95))
    assert found.images_per_second == pytest.approx(50.0)
    assert found.against_images_per_second == pytest.approx(1 / 0.9)
    assert spread([4.0, 4.0]) == spread([4.0, 4.0, 4.0])


def test_nothing_is_compared_with_nothing() -> None:
    found = row([0.1, 0.2, 0.4])
    assert found.images_per_second == pytest.approx(5.0)
    assert found.ratio is found.ratio_low is found.against_images_per_second is None
