"""The picture of a heatmap: what lies where, whatever the shape of the photograph."""

from __future__ import annotations

import numpy as np
import pytest

from flawscope.report import heat_picture

WORDS = {"title": "any defect  97 %", "caption": "what heat means", "ends": ("none", "most")}


def part(height: int, width: int) -> np.ndarray:
    grey = np.random.default_rng(0).integers(60, 190, (height, width, 1), dtype=np.uint8)
    return grey.repeat(3, axis=2)


def places_of(needle: np.ndarray, picture: np.ndarray) -> list[tuple[int, int]]:
    height, width = needle.shape[:2]
    corner = (picture == needle[0, 0]).all(axis=2)
    return [
        (int(y), int(x))
        for y, x in np.argwhere(corner)
        if np.array_equal(picture[y : y + height, x : x + width], needle)
    ]


def test_without_heat_the_photograph_stands_there_twice() -> None:
    image = part(300, 320)
    picture = heat_picture(image, np.zeros((300, 320), dtype=np.float32), **WORDS)
    (first, second) = places_of(image, picture)
    assert first[0] == second[0]
    assert second[1] >= first[1] + 320


def test_a_wide_photograph_stands_above_its_heat() -> None:
    image = part(250, 900)
    picture = heat_picture(image, np.zeros((250, 900), dtype=np.float32), **WORDS)
    (first, second) = places_of(image, picture)
    assert first[1] == second[1]
    assert second[0] >= first[0] + 250
    assert picture.shape[1] == 900


def test_heat_is_seen_where_it_is_and_grows_lighter() -> None:
    image = np.full((300, 300, 3), 120, dtype=np.uint8)
    heat = np.zeros((300, 300), dtype=np.float32)
    heat[100:200, 100:200] = 0.6
    heat[140:160, 140:160] = 1.0
    before = heat.copy()
    picture = heat_picture(image, heat, **WORDS)
    np.testing.assert_array_equal(heat, before)
    (top, left) = places_of(image, picture)[0]
    warm = picture[top : top + 300, left + 300 :][:, -300:]
    assert (warm[:90, :90] == 120).all()
    assert int(warm[150, 150].sum()) > int(warm[110, 110].sum())
    assert (warm[110, 110] != 120).any()


@pytest.mark.parametrize("size", [(1, 1), (20, 700), (900, 30), (2400, 1800), (1, 4000)])
def test_pictures_of_any_shape(size: tuple[int, int]) -> None:
    heat = np.linspace(0, 1, size[0] * size[1], dtype=np.float32).reshape(size)
    picture = heat_picture(part(*size), heat, **WORDS)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert max(picture.shape) <= 4000
    assert picture.shape[1] >= 480
