"""Crops: seeded, balanced, of native resolution, and told no more than is known of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

import cv2
from train_parts import KINDS, defect, lesson, photograph, sample, tiny

from flawscope.images import open_image, save_image
from flawscope.train.crops import Crops, _crop_answers
from flawscope.train.recipe import Recipe
from flawscope.train.supervision import CLEAN, DEFECT, UNKNOWN, Lesson
from flawscope.values import Box, Defect, Label, Size

pytestmark = pytest.mark.train

SIZE = Size(96, 128)
LOW_RIGHT = Box(90, 60, 100, 70)
PLAIN = (
    "augment.flips=false",
    "augment.right_angles=0",
    "augment.tilt=0",
    "augment.brightness=0",
    "augment.contrast=0",
    "augment.uneven_light=0",
    "augment.glare=0",
    "augment.blur=0",
    "augment.noise=0",
    "augment.planted=0",
    "augment.transplanted=0",
    "crops.zoom=[1, 1]",
)
"""Crops as they are cut."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photograph(tmp_path_factory.mktemp("crops") / "part.png", size=SIZE)


def good(image: Path, group: str | None = None, dataset: str = "parts") -> Lesson:
    return lesson(sample(Label.GOOD, (), size=SIZE, image=image, group=group), dataset=dataset)


def bad(image: Path, *defects: Defect, group: str | None = None, dataset: str = "parts") -> Lesson:
    one = sample(Label.DEFECTIVE, defects, size=SIZE, image=image, group=group)
    return lesson(one, dataset=dataset)


def pit(box: Box = LOW_RIGHT, *, masked: bool = True) -> Defect:
    return defect("pit", box, SIZE, masked=masked)


def scratch() -> Defect:
    return defect("scratch", Box(10, 10, 40, 14), SIZE)


def crops(lessons: list[Lesson], *settings: str) -> Crops:
    return Crops(lessons, KINDS, tiny(*settings))


def shown(series: Crops, count: int) -> list[list[float]]:
    return [series[number].answers.tolist() for number in range(count)]


def test_a_crop_depends_on_the_seed_and_its_number_alone(image: Path) -> None:
    lessons = [good(image), bad(image, pit()), bad(image, scratch())]
    first, second = crops(lessons), crops(lessons)
    forwards = [first[number] for number in range(6)]
    backwards = [second[number] for number in reversed(range(6))][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        for mine, theirs in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert not np.array_equal(forwards[0].image, forwards[1].image)
    assert not np.array_equal(forwards[0].image, crops(lessons, "seed=1")[0].image)


def test_shapes_and_dtypes(image: Path) -> None:
    one = crops([good(image), bad(image, pit())])[0]
    assert (one.image.shape, str(one.image.dtype)) == ((64, 64, 3), "uint8")
    assert (one.places.shape, str(one.places.dtype)) == ((3, 64, 64), "uint8")
    assert (one.answers.shape, str(one.answers.dtype)) == ((3,), "float32")


class FoundError(Exception):
    """Which lesson a crop is cut from; it need not be cut to know that."""


def drawn(series: Crops, count: int = 400) -> Counter[int]:
    """How often each lesson is drawn."""

    def found(number: int) -> None:
        raise FoundError(number)

    series._opened = found
    counts: Counter[int] = Counter()
    for number in range(count):
        with pytest.raises(FoundError) as caught:
            series[number]
        counts[caught.value.args[0]] += 1
    return counts


def test_kinds_are_balanced_however_many_images_show_them(image: Path) -> None:
    lessons = [good(image)] + [bad(image, pit()) for _ in range(9)] + [bad(image, scratch())]
    counts = drawn(crops(lessons, "crops.good=0.5"))
    assert counts[0] == pytest.approx(200, abs=45)
    assert sum(counts[number] for number in range(1, 10)) == pytest.approx(100, abs=40)
    assert counts[10] == pytest.approx(100, abs=40)


def test_groups_are_balanced_however_often_a_part_was_shot(image: Path) -> None:
    lessons = [bad(image, pit(), group="often") for _ in range(9)]
    lessons.append(bad(image, pit(), group="once"))
    assert drawn(crops(lessons))[9] == pytest.approx(200, abs=45)


def test_datasets_weigh_as_the_recipe_says(image: Path) -> None:
    lessons = [bad(image, pit(), dataset="one"), bad(image, pit(), dataset="two")]
    counts = drawn(crops(lessons, "crops.datasets={two: 3}"))
    assert counts[1] == pytest.approx(300, abs=40)


def test_a_dataset_without_good_parts_gives_no_crop_of_one(image: Path) -> None:
    lessons = [bad(image, pit())]
    assert drawn(crops(lessons), 20) == {0: 20}
    assert drawn(crops([good(image)], "crops.good=0"), 20) == {0: 20}


def test_crops_of_a_defective_part_show_its_defect_as_often_as_asked(image: Path) -> None:
    always = shown(crops([bad(image, pit())], "crops.on_defect=1"), 40)
    assert [one[:2] for one in always] == [[1.0, 1.0]] * 40
    seldom = shown(crops([bad(image, pit())], "crops.on_defect=0", *PLAIN), 60)
    assert 5 < sum(one[0] == 1.0 for one in seldom) < 55


def test_a_crop_without_a_defective_pixel_is_a_good_example(image: Path) -> None:
    """Of a set in which every image is defective, these are the only good examples there are."""
    series = crops([bad(image, pit(Box(118, 86, 126, 94)))], "crops.on_defect=0", *PLAIN)
    clean = [one for number in range(40) if not (one := series[number]).places[0].any()]
    assert clean
    assert all(one.answers.tolist() == [0.0, 0.0, 0.0] for one in clean)


def test_a_sliver_of_a_defect_is_neither_an_example_nor_a_good_one(image: Path) -> None:
    large = pit(Box(0, 0, 128, 60))
    series = crops([bad(image, large)], "crops.on_defect=0", *PLAIN)
    crop = series._opened(0)
    known = np.full((3, 64, 64), CLEAN, dtype=np.uint8)
    whole = np.array([1, 1, 0], dtype=np.float32)
    known[:2, :1, :11] = DEFECT
    assert np.isnan(_crop_answers(known, whole, crop.places)[:2]).all()
    assert _crop_answers(known, whole, crop.places)[2] == 0.0
    known[:2, :1, :12] = DEFECT
    assert _crop_answers(known, whole, crop.places)[:2].tolist() == [1.0, 1.0]


def test_all_of_a_tiny_defect_is_an_example(image: Path) -> None:
    tiny_pit = pit(Box(60, 40, 62, 42))
    series = crops([bad(image, tiny_pit)], "crops.on_defect=1", *PLAIN)
    for number in range(10):
        crop = series[number]
        if (crop.places[0] == DEFECT).sum() == 4:
            assert crop.answers[0] == 1.0


def test_crops_are_cut_at_native_resolution_with_their_labels_in_place(tmp_path: Path) -> None:
    """A defect that is painted white is white where the crop says it is, and only there."""
    pixels = np.full((*SIZE, 3), 60, dtype=np.uint8)
    pixels[60:70, 90:100] = 250
    path = tmp_path / "painted.png"
    save_image(pixels, path)
    series = crops([bad(path, pit())], "crops.on_defect=1", *PLAIN)
    for number in range(12):
        crop = series[number]
        labelled = crop.places[1] == DEFECT
        assert labelled.sum() <= 11 * 11
        white = crop.image[..., 0] > 155
        inside = cv2.erode(labelled.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        around = cv2.dilate(labelled.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        assert white[inside].all()
        assert not white[~around].any()


@pytest.mark.parametrize("settings", [("augment.flips=true",), ("augment.right_angles=1",)])
def test_labels_turn_with_the_picture(tmp_path: Path, settings: tuple[str, ...]) -> None:
    pixels = np.full((*SIZE, 3), 60, dtype=np.uint8)
    pixels[60:70, 90:100] = 250
    path = tmp_path / "painted.png"
    save_image(pixels, path)
    series = crops([bad(path, pit())], "crops.on_defect=1", *PLAIN, *settings)
    middles = set()
    for number in range(12):
        crop = series[number]
        labelled = crop.places[1] == DEFECT
        white = crop.image[..., 0] > 155
        assert np.count_nonzero(labelled ^ white) <= 2 * 22
        middles.add(tuple(np.argwhere(labelled).mean(axis=0).round().tolist()))
    assert len(middles) > 6


@pytest.mark.parametrize("kinds", [None, ("pit",)])
def test_where_nobody_said_where_the_whole_picture_is_shown(
    tmp_path: Path, kinds: tuple[str, ...] | None
) -> None:
    """A white block in a corner would be cut off by any crop of less."""
    pixels = np.zeros((*SIZE, 3), dtype=np.uint8)
    for row, column in ((0, 0), (0, 112), (80, 0), (80, 112)):
        pixels[row : row + 16, column : column + 16] = 255
    path = tmp_path / "corners.png"
    save_image(pixels, path)
    lessons = [
        lesson(sample(Label.DEFECTIVE, kinds=kinds, size=SIZE, image=path)),
        lesson(sample(Label.GOOD, size=SIZE, image=path)),
    ]
    series = crops(lessons, *PLAIN, "crops.zoom=[1.0, 1.3]")
    said = set()
    for number in range(12):
        crop = series[number]
        white = (crop.image[..., 0] > 127).astype(np.uint8)
        assert cv2.connectedComponents(white)[0] - 1 >= 4
        said.add(tuple("?" if np.isnan(one) else one for one in crop.answers.tolist()))
    expected = (1.0, "?", "?") if kinds is None else (1.0, 1.0, 0.0)
    assert said == {expected, (0.0, 0.0, 0.0)}


def test_what_is_unknown_of_the_image_is_unknown_of_the_crop(image: Path) -> None:
    one = sample(Label.DEFECTIVE, [pit()], size=SIZE, image=image)
    series = crops([lesson(one, vocabulary=(0,))], "crops.on_defect=1", *PLAIN)
    for number in range(8):
        crop = series[number]
        assert set(np.unique(crop.places[2])) == {CLEAN, UNKNOWN}
        assert np.isnan(crop.answers[2])


def test_a_box_is_an_example_where_enough_of_it_is_shown(image: Path) -> None:
    series = crops([bad(image, pit(masked=False))], "crops.on_defect=1", *PLAIN)
    for number in range(10):
        crop = series[number]
        assert not (crop.places == DEFECT).any()
        assert crop.answers[0].item() in (1.0, pytest.approx(float("nan"), nan_ok=True))
    assert any(series[number].answers[1] == 1.0 for number in range(10))


def test_a_picture_smaller_than_a_crop_is_mirrored_with_its_labels(tmp_path: Path) -> None:
    size = Size(20, 30)
    path = photograph(tmp_path / "small.png", size=size)
    one = sample(Label.DEFECTIVE, [defect("pit", Box(0, 0, 8, 8), size)], size=size, image=path)
    crop = crops([lesson(one)], *PLAIN)[0]
    assert crop.answers.tolist() == [1.0, 1.0, 0.0]
    pieces = cv2.connectedComponents((crop.places[0] == DEFECT).astype(np.uint8))[0] - 1
    assert pieces > 1


def test_opened_pictures_are_kept_within_bounds(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flawscope.train.crops._CACHE_BYTES", 2 * image_bytes())
    series = crops([good(image, group=str(number)) for number in range(6)])
    for number in range(6):
        series._opened(number)
    assert list(series._cache) == [4, 5]
    assert series._cached_bytes == sum(one.bytes for one in series._cache.values())
    assert series._opened(4) is series._cache[4]


def image_bytes() -> int:
    """Of a good part of ``SIZE``: three colours, and one array of places for all channels."""
    return SIZE.height * SIZE.width * 4


def test_recipes_default_to_half_of_the_crops_good() -> None:
    assert Recipe().crops.good == 0.5


def test_a_crop_of_the_whole_picture_is_the_picture(tmp_path: Path) -> None:
    """To the pixel: half a pixel's shift would blur it."""
    path = photograph(tmp_path / "part.png", seed=5, size=Size(64, 64))
    whole = lesson(sample(Label.GOOD, (), size=Size(64, 64), image=path))
    series = crops([whole], *PLAIN)
    np.testing.assert_array_equal(series[0].image, open_image(path))
