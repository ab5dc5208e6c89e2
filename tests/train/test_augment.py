"""Variations of a crop: what is known of it stays, unless a defect is planted."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from train_parts import tiny

from flawscope.synth import render
from flawscope.train.augment import vary
from flawscope.train.recipe import AugmentRecipe
from flawscope.train.supervision import CLEAN, DEFECT, UNKNOWN

pytestmark = pytest.mark.train

SIDE = 64
QUIET = AugmentRecipe(
    brightness=0, contrast=0, uneven_light=0, glare=0, blur=0, noise=0, planted=0, tilt=0
)
ONE_BY_ONE = ("brightness", "contrast", "uneven_light", "glare", "blur", "noise")


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return render(5, surface="blasted", defects=(), size=(SIDE, SIDE)).image


def clean(channels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    known = np.full((channels, SIDE, SIDE), CLEAN, dtype=np.uint8)
    return known, np.zeros(channels, dtype=np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_nothing_asked_for_changes_nothing(image: np.ndarray) -> None:
    known, told = clean()
    varied, now_known, now_told = vary(image, known, told, QUIET, rng())
    np.testing.assert_array_equal(varied, image)
    assert now_known is known
    assert now_told is told


@pytest.mark.parametrize("change", ONE_BY_ONE)
def test_each_change_alters_the_picture_and_nothing_else(image: np.ndarray, change: str) -> None:
    known, told = clean()
    recipe = QUIET.model_copy(update={change: 1.0})
    before = image.copy()
    varied, now_known, now_told = vary(image, known, told, recipe, rng(1))
    assert varied.shape == image.shape
    assert varied.dtype == np.uint8
    assert not np.array_equal(varied, image)
    np.testing.assert_array_equal(image, before)
    assert (now_known == CLEAN).all()
    assert not now_told.any()


def test_the_same_chance_gives_the_same_variation(image: np.ndarray) -> None:
    recipe = AugmentRecipe(planted=0.5)
    first, second, third = (vary(image, *clean(), recipe, rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    assert not np.array_equal(first[0], third[0])


def test_light_does_not_wrap_around(image: np.ndarray) -> None:
    """Pixels that get too bright stay white."""
    white = np.full_like(image, 255)
    recipe = QUIET.model_copy(update={"glare": 1.0})
    for seed in range(5):
        assert vary(white, *clean(), recipe, rng(seed))[0].min() == 255


def test_a_planted_defect_is_labelled_where_it_is_and_of_no_kind(image: np.ndarray) -> None:
    recipe = QUIET.model_copy(update={"planted": 1.0})
    planted = 0
    for seed in range(6):
        known, told = clean()
        varied, now_known, now_told = vary(image, known, told, recipe, rng(seed))
        assert (known == CLEAN).all()
        marked = now_known[0] == DEFECT
        if not marked.any():
            assert now_told[0] == 0.0
            continue
        planted += 1
        assert now_told[0] == 1.0
        assert np.isnan(now_told[1:]).all()
        assert ((now_known[1:] == UNKNOWN) == marked).all()
        change = np.abs(varied.astype(int) - image).max(axis=2)
        assert change[marked].mean() > 3 * change[~marked].mean()
    assert planted >= 4


def test_only_crops_known_to_be_clean_are_planted(image: np.ndarray) -> None:
    recipe = QUIET.model_copy(update={"planted": 1.0})
    known, told = clean()
    known[0, 3, 3] = UNKNOWN
    np.testing.assert_array_equal(vary(image, known, told, recipe, rng())[0], image)
    known, told = clean()
    told[0] = np.nan
    np.testing.assert_array_equal(vary(image, known, told, recipe, rng())[0], image)


def test_right_angles_are_a_share() -> None:
    assert tiny("augment.right_angles=0.25").augment.right_angles == 0.25
