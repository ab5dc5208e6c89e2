import io

import numpy as np
import pytest
from PIL import Image
from report_parts import comparison, defect

from flawscope.report import validation_picture
from flawscope.report.palette import FOUND_COLOUR, TRUTH_COLOUR, rgb

TRUE = defect("crack", (20, 50), (30, 60))
FOUND = defect("crack", (60, 90), (90, 130))


def opened(data):
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB")).astype(int)


def amount(picture, colour):
    """Pixels nearly of a colour below the legend: the sheet's own colours are few."""
    return int((np.abs(picture[60:] - rgb(colour)).max(axis=2) < 24).sum())


def test_truth_and_prediction_are_outlined_each_in_its_colour():
    neither = opened(validation_picture([comparison()]))
    both = opened(validation_picture([comparison(truth=[TRUE], found=[FOUND])]))
    truth = opened(validation_picture([comparison(truth=[TRUE])]))
    for colour, drawn in ((TRUTH_COLOUR, (both, truth)), (FOUND_COLOUR, (both,))):
        assert amount(neither, colour) == 0
        assert all(amount(picture, colour) > 80 for picture in drawn)
    assert amount(truth, FOUND_COLOUR) == 0


def test_the_sheet_is_bounded_and_takes_no_more_than_it_shows():
    taken = []

    def parts():
        for number in range(100):
            taken.append(number)
            yield comparison(f"{number}.png", truth=[TRUE])

    data = validation_picture(parts(), columns=3, most=7)
    assert len(taken) == 7
    assert len(data) < 700_000
    height, width, _ = opened(data).shape
    assert 3 * 232 < width < 4 * 232
    assert 3 * 232 < height < 4 * 300


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (1500, 1000)])
def test_parts_of_any_size_fit(size):
    whole = defect("crack", (0, size[0]), (0, size[1]), size)
    validation_picture([comparison(truth=[whole], found=[whole], size=size)])


def test_no_parts_are_no_picture():
    with pytest.raises(ValueError, match="at least one part"):
        validation_picture([])
