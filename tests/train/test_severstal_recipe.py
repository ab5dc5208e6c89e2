"""Crops of steel strips by the recipe ``severstal``: native, upright, and of every kind alike."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from train_parts import defect, lesson, sample

from flawscope.images import save_image
from flawscope.train import load_recipe
from flawscope.train.crops import Crops
from flawscope.train.supervision import DEFECT, Lesson
from flawscope.values import Box, Label, Size

pytestmark = pytest.mark.train

STRIP = Size(256, 1600)
KINDS = ("1", "2", "3", "4")
IMAGES = {"1": 4, "2": 1, "3": 12, "4": 3}
"""Uneven, as in the published set."""

PLAIN = tuple(
    f"augment.{name}=0"
    for name in ("brightness", "contrast", "uneven_light", "blur", "noise", "transplanted")
)


def strip(folder: Path, number: int) -> Path:
    """Columns are told by red, rows by green: every pixel says where it comes from."""
    picture = np.zeros((*STRIP, 3), dtype=np.uint8)
    picture[:, :, 0] = np.arange(STRIP.width) // 8
    picture[:, :, 1] = np.arange(STRIP.height)[:, None]
    picture[:, :, 2] = number
    path = folder / f"{number}.png"
    save_image(picture, path)
    return path


@pytest.fixture(scope="module")
def lessons(tmp_path_factory: pytest.TempPathFactory) -> list[Lesson]:
    folder, found = tmp_path_factory.mktemp("strips"), []
    for kind, count in IMAGES.items():
        for _ in range(count):
            number = len(found)
            left = 70 * number
            marks = [defect(kind, Box(left, 100, left + 60, 140), STRIP)]
            one = sample(Label.DEFECTIVE, marks, size=STRIP, image=strip(folder, number))
            found.append(lesson(one, vocabulary=range(4)))
    for number in range(20, 40):
        one = sample(Label.GOOD, (), size=STRIP, image=strip(folder, number))
        found.append(lesson(one, vocabulary=range(4)))
    return found


def test_crops_are_native_pixels_of_the_whole_height(lessons: list[Lesson]) -> None:
    series = Crops(lessons, KINDS, load_recipe("severstal", PLAIN))
    mirrored = set()
    for index in range(24):
        image = series[index].image
        assert image.shape == (256, 256, 3)
        rows, columns = image[:, 0, 1].astype(int), image[0, :, 0].astype(int)
        upright = rows if rows[0] < rows[-1] else rows[::-1]
        # A crop may lie between two pixels, so that each is the mean of both.
        assert np.abs(upright - np.arange(256)).max() <= 1, "the rows of the strip, each once"
        assert abs(columns[-1] - columns[0]) in (31, 32), "256 columns of the strip"
        assert (np.abs(np.diff(columns)) <= 1).all()
        mirrored.add((rows[0] > rows[-1], columns[0] > columns[-1]))
    assert len(mirrored) == 4, "mirrored both ways, never turned"


def test_kinds_come_alike_however_many_images_show_them(lessons: list[Lesson]) -> None:
    recipe = load_recipe("severstal", (*PLAIN, "crops.on_defect=1"))
    series = Crops(lessons, KINDS, recipe)
    shown: Counter[str] = Counter()
    for index in range(200):
        crop = series[index]
        kinds = [
            kind
            for kind, known in zip(KINDS, crop.places[1:], strict=True)
            if (known == DEFECT).any()
        ]
        shown.update(kinds or ["none"])
    assert shown["none"] == pytest.approx(200 * recipe.crops.good, abs=25)
    for kind in KINDS:
        assert shown[kind] == pytest.approx(200 * (1 - recipe.crops.good) / 4, abs=16)
