"""Truth beside prediction: each outlined in its own half."""

import io

import numpy as np
import pytest
from PIL import Image
from report_parts import KINDS, defect, photo

from flawscope.report import side_by_side
from flawscope.report.palette import kind_colours, rgb
from flawscope.values import Label, Sample, Size

COLOUR = rgb(kind_colours(KINDS)["pit"])


def halves(truth=(), found=(), size=(120, 400)):
    kinds = tuple(sorted({one.kind for one in truth}))
    sample = Sample("part.png", "part.png", Size(*size), Label.DEFECTIVE, tuple(truth), kinds)
    data = side_by_side(sample, photo(*size), found, 0.97, KINDS)
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return np.split(picture[:, : picture.shape[1] // 2 * 2], 2, axis=1)


def drawn(half):
    return int((half == COLOUR).all(axis=2).sum())


def test_truth_is_on_the_left_and_what_was_found_on_the_right():
    pit = defect("pit", (20, 60), (30, 90), (120, 400))
    assert [drawn(half) > 100 for half in halves(truth=[pit])] == [True, False]
    assert [drawn(half) > 100 for half in halves(found=[pit])] == [False, True]


@pytest.mark.parametrize("size", [(1, 1), (2, 900), (1500, 1000)])
def test_parts_of_any_size_are_pictured_in_bounds(size):
    whole = defect("pit", (0, size[0]), (0, size[1]), size)
    left, right = halves([whole], [whole], size)
    assert left.shape == right.shape
    assert max(left.shape) <= 520
