"""Occlusion on toy models, whose answers are known: the brightest red or green."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flawscope.errors import ExplanationError
from flawscope.explain import occlude
from flawscope.explain.occlusion import _covered
from flawscope.runtime import Inspector
from flawscope.values import Box, InputFit, Policy
from toy_models import FOUNDING, write_model

RED, GREEN = Box(30, 20, 36, 26), Box(70, 50, 76, 56)


def part(height: int = 80, width: int = 100) -> np.ndarray:
    """Dark, with a red square and a darker green one."""
    image = np.full((height, width, 3), 20, dtype=np.uint8)
    image[RED.top : RED.bottom, RED.left : RED.right] = (240, 0, 0)
    image[GREEN.top : GREEN.bottom, GREEN.left : GREEN.right] = (0, 180, 0)
    return image


@pytest.fixture(scope="module")
def inspector(tmp_path_factory: pytest.TempPathFactory) -> Inspector:
    fit = InputFit(tile=128, overlap=16, smallest=32)
    model = write_model(tmp_path_factory.mktemp("toy") / "toy.flaw", fit=fit)
    return Inspector.load(model, engine="onnxruntime", threads=1)


def inside(x: int, y: int, box: Box) -> bool:
    return box.left <= x < box.right and box.top <= y < box.bottom


@pytest.mark.parametrize(("kind", "box"), [(None, RED), ("red", RED), ("green", GREEN)])
def test_it_finds_the_square_that_the_answer_rests_on(
    inspector: Inspector, kind: str | None, box: Box
) -> None:
    found = occlude(inspector, part(), kind=kind)
    assert (found.heat.dtype, found.heat.shape) == (np.float32, (80, 100))
    assert found.heat.min() == 0.0
    assert found.heat.max() == pytest.approx(1.0, abs=0.2)
    assert found.hottest is not None
    assert inside(found.hottest.x, found.hottest.y, box)
    other = GREEN if box is RED else RED
    assert not found.heat[other.top : other.bottom, other.left : other.right].any()


def test_the_largest_fall_is_told(inspector: Inspector) -> None:
    image = part()
    found = occlude(inspector, image)
    assert found.score == pytest.approx(240 / 255, abs=1e-5)
    # Without the red one, the green one is left.
    assert found.most == pytest.approx(60 / 255, abs=1e-4)


def test_a_kind_is_watched_even_where_its_part_would_be_accepted(tmp_path: Path) -> None:
    model = write_model(
        tmp_path / "strict.flaw",
        stages=FOUNDING,
        fit=InputFit(tile=128, overlap=16, smallest=32),
        policy=Policy(accept_below=0.99, reject_above=0.99),
    )
    inspector = Inspector.load(model, engine="onnxruntime", threads=1)
    assert inspector.inspect(part()).kinds["green"] == 0.0
    found = occlude(inspector, part(), kind="green")
    assert found.score == pytest.approx(180 / 255, abs=1e-5)
    assert found.hottest is not None
    assert inside(found.hottest.x, found.hottest.y, GREEN)


def test_a_picture_of_several_tiles(tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiles.flaw", fit=InputFit(tile=64, overlap=16, smallest=32))
    inspector = Inspector.load(model, engine="onnxruntime", threads=1)
    found = occlude(inspector, part(), kind="green", patch=20, stride=10)
    assert found.hottest is not None
    assert inside(found.hottest.x, found.hottest.y, GREEN)


def test_what_changes_nothing_gives_no_heat(inspector: Inspector) -> None:
    found = occlude(inspector, np.full((40, 60, 3), 20, dtype=np.uint8), patch=20, stride=20)
    assert not found.heat.any()
    assert found.most == 0.0
    assert found.hottest is None


@pytest.mark.parametrize("size", [(1, 1), (7, 300), (500, 9), (90, 90)])
def test_looks_are_bounded_and_told_whatever_the_shape(
    inspector: Inspector, size: tuple[int, int]
) -> None:
    looks: list[tuple[int, int]] = []
    image = np.full((*size, 3), 60, dtype=np.uint8)
    found = occlude(inspector, image, told=lambda done, total: looks.append((done, total)))
    assert found.heat.shape == size
    assert [done for done, _ in looks] == list(range(1, len(looks) + 1))
    assert {total for _, total in looks} == {len(looks)}
    assert len(looks) <= 300


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"kind": "blue"}, "red, green"),
        ({"patch": 0}, "stride"),
        ({"patch": 10, "stride": 11}, "cannot move by 11"),
        ({"patch": 10, "stride": 0}, "cannot move by 0"),
        ({"patch": 2, "stride": 1}, "7,821 looks"),
    ],
)
def test_what_makes_no_sense_is_refused(
    inspector: Inspector, options: dict[str, object], told: str
) -> None:
    with pytest.raises(ExplanationError, match=told):
        occlude(inspector, part(), **options)  # type: ignore[arg-type]


def test_a_covered_place_looks_like_what_is_around_it() -> None:
    slope = np.arange(100, dtype=np.uint8)[None, :, None].repeat(60, 0).repeat(3, 2)
    image = slope.copy()
    image[20:40, 40:60] = 255
    covered = _covered(image, Box(40, 20, 60, 40), 20)
    np.testing.assert_array_equal(covered[:20], slope[:20])
    np.testing.assert_array_equal(covered[:, :40], slope[:, :40])
    difference = covered[20:40, 40:60].astype(int) - slope[20:40, 40:60]
    assert np.abs(difference).max() <= 12
    assert image[30, 50, 0] == 255
