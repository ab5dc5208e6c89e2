"""The competition's mean Dice, by hand and on the published rows."""

import os
from pathlib import Path

import numpy as np
import pytest

from flawscope.data.kaggle import parse_table
from flawscope.data.runs import from_kaggle
from flawscope.evaluate import Tally
from flawscope.masks import decode
from flawscope.values import KindPolicy, Policy, Size

CLASSES = ("1", "2", "3", "4")


def row_of(size, columns):
    """A mask of the first row's pixels in these columns."""
    mask = np.zeros(size, dtype=bool)
    mask[0, list(columns)] = True
    return mask


def test_by_hand(sample, inspection, policy, size):
    """Half of one mask, nothing on nothing, something on nothing, nothing on a mask."""
    tally = Tally(("1", "2"), ("1", "2"), policy)
    tally.add(
        sample(True, {"1": row_of(size, range(4))}),
        inspection(0.9, {"1": row_of(size, range(2, 6))}),
    )
    tally.add(
        sample(True, {"2": row_of(size, range(6))}), inspection(0.9, {"1": row_of(size, range(3))})
    )
    located = tally.result().locate
    assert located.kaggle_dice.value == pytest.approx((0.5 + 1 + 0 + 0) / 4)
    assert located.kaggle_dice_all_empty.value == pytest.approx(2 / 4)
    assert located.kaggle_dice.n == 2


@pytest.mark.parametrize("finds_all", [False, True])
@pytest.mark.real
def test_finding_nothing_in_the_published_rows_gets_the_share_of_empty_pairs(
    sample, inspection, finds_all
):
    folder = os.environ.get("FLAWSCOPE_DATA")
    if not folder:
        pytest.skip("FLAWSCOPE_DATA does not name the folder of real images")
    size, cells = Size(256, 1600), []
    tally = Tally(CLASSES, CLASSES, Policy(kinds={name: KindPolicy() for name in CLASSES}))
    for name in ("train.csv", "test.csv"):
        text = (Path(folder) / "severstal-sample" / name).read_text()
        cells += [cell for line in text.splitlines()[1:] for cell in line.split(",")[1:5]]
        for image, entries in parse_table(text).images.items():
            masks = {
                class_: decode(from_kaggle(entry.runs, size))
                for class_, (entry,) in entries.items()
            }
            truth = sample(bool(masks), masks, name=image, size=size)
            tally.add(truth, inspection(0.9, masks if finds_all else {}, size=size))
    located = tally.result().locate
    share = sum(cell == "0 0" for cell in cells) / 4000
    assert (len(cells), located.images) == (4000, 1000)
    assert 0.5 < share < 0.95
    assert located.kaggle_dice_all_empty.value == pytest.approx(share)
    assert located.kaggle_dice.value == pytest.approx(1.0 if finds_all else share)
    assert located.kaggle_dice_all_empty.low < share < located.kaggle_dice_all_empty.high
