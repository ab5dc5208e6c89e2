"""Transplants: a real defect comes with its kind and its place, in the host's light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from train_parts import KINDS, defect, lesson, sample, tiny

from flawscope.images import save_image
from flawscope.train.crops import Crops
from flawscope.train.supervision import CLEAN, DEFECT, UNKNOWN, places
from flawscope.train.transplants import transplant
from flawscope.values import Box, Label, Size

pytestmark = pytest.mark.train

SIZE = Size(120, 160)


def surface(level: int) -> np.ndarray:
    noise = np.random.default_rng(level).integers(-3, 4, (*SIZE, 1))
    return np.broadcast_to(np.clip(level + noise, 0, 255), (*SIZE, 3)).astype(np.uint8).copy()


def donor(box: Box, level: int = 100, kind: str = "pit") -> tuple[np.ndarray, tuple]:
    image = surface(level)
    image[box.top : box.bottom, box.left : box.right] //= 4
    one = sample(Label.DEFECTIVE, [defect(kind, box, SIZE)], size=SIZE)
    return image, places(lesson(one), KINDS)


def moved(box: Box, count: int = 30, host: int = 200) -> list[tuple[np.ndarray, tuple]]:
    image, known = donor(box)
    rng = np.random.default_rng(0)
    found = [transplant(surface(host), image, known, rng) for _ in range(count)]
    return [one for one in found if one is not None]


def test_the_defect_comes_with_its_kind_and_size_and_stays_as_dark_as_it_was() -> None:
    box = Box(70, 50, 90, 62)
    shown = [one for one in moved(box) if (one[1][0] == DEFECT).any()]
    assert len(shown) > 10
    host = surface(200)
    spots = set()
    for image, (anything, pit, scratch) in shown:
        inside = anything == DEFECT
        assert inside.sum() == box.width * box.height
        np.testing.assert_array_equal(anything, pit)
        assert (scratch == CLEAN).all()
        # A quarter as bright as what is around it, on this part as on that.
        assert image[inside].mean() / 200 == pytest.approx(0.25, abs=0.03)
        changed = (image != host).any(axis=2)
        rows, columns = np.nonzero(inside)
        near = np.zeros(SIZE, dtype=bool)
        top, bottom = max(rows.min() - 13, 0), rows.max() + 14
        left, right = max(columns.min() - 13, 0), columns.max() + 14
        near[top:bottom, left:right] = True
        assert not (changed & ~near).any()
        spots.add((rows.min(), columns.min()))
    assert len(spots) > 5


def test_clean_metal_is_moved_now_and_then() -> None:
    decoys = [one for one in moved(Box(70, 50, 90, 62), 60) if not (one[1][0] == DEFECT).any()]
    assert 5 <= len(decoys) <= 30
    for image, known in decoys:
        assert all((channel == CLEAN).all() for channel in known)
        assert image.min() > 170


@pytest.mark.parametrize(
    ("box", "side"),
    [(Box(0, 40, 10, 60), (1, (0, -1))), (Box(60, 0, 80, 8), (0, (0, -1)))],
)
def test_a_defect_at_the_border_stays_at_the_border(box: Box, side: tuple) -> None:
    axis, ends = side
    for _, known in moved(box):
        inside = (known[0] == DEFECT).any(axis=1 - axis)
        if inside.any():
            assert inside[ends[0]] or inside[ends[1]]
            assert not (inside[ends[0]] and inside[ends[1]])


def test_a_defect_too_large_for_the_host_stays_where_it_is() -> None:
    assert moved(Box(10, 10, 150, 100)) == []


def test_what_nobody_looked_for_stays_unknown() -> None:
    one = sample(Label.DEFECTIVE, [defect("pit", Box(70, 50, 90, 62), SIZE)], size=SIZE)
    known = places(lesson(one, vocabulary=[0]), KINDS)
    rng = np.random.default_rng(1)
    _, (anything, _, scratch) = transplant(surface(200), surface(100), known, rng)
    np.testing.assert_array_equal(anything == DEFECT, scratch == UNKNOWN)


def test_good_crops_get_defects_of_masked_parts_of_their_own_dataset(tmp_path: Path) -> None:
    image, _ = donor(Box(70, 50, 90, 62))
    save_image(image, tmp_path / "bad.png")
    save_image(surface(200), tmp_path / "good.png")
    pit = defect("pit", Box(70, 50, 90, 62), SIZE)
    bad = sample(Label.DEFECTIVE, [pit], size=SIZE, image=tmp_path / "bad.png")
    good = sample(Label.GOOD, (), size=SIZE, image=tmp_path / "good.png")
    settings = (
        "crops.good=1.0",
        "crops.datasets={others: 0.000001}",
        "augment.transplanted=1.0",
        "augment.planted=0",
    )

    def shown(*lessons: object) -> set[tuple[float, ...]]:
        series = Crops(list(lessons), KINDS, tiny(*settings))
        return {tuple(series[number].answers.tolist()) for number in range(40)}

    assert (1.0, 1.0, 0.0) in shown(lesson(bad), lesson(good))
    assert shown(lesson(bad, dataset="others"), lesson(good)) == {(0.0, 0.0, 0.0)}
    boxed = sample(
        Label.DEFECTIVE,
        [defect("pit", Box(70, 50, 90, 62), SIZE, masked=False)],
        size=SIZE,
        image=tmp_path / "bad.png",
    )
    assert shown(lesson(boxed), lesson(good)) == {(0.0, 0.0, 0.0)}
