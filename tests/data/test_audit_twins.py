from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from part_pictures import Picture, as_picture, dataset_of, texture

from flawscope.data.audit.looks import look_at
from flawscope.data.audit.twins import exact_copies, near_copies
from flawscope.images import save_image


def _near(root: Path, pictures: dict[str, Picture]) -> set[tuple[str, str]]:
    looks, problems = look_at(dataset_of(root, pictures))
    assert not problems
    return {(one, other) for one, other, _ in near_copies(looks)}


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_a_copy_is_found_in_all_eight_positions(tmp_path: Path, turns: int, mirrored: bool) -> None:
    pictures = {f"{i:02d}.png": texture(i) for i in range(30)}
    copy = np.rot90(pictures["07.png"], turns)
    pictures["copy.png"] = np.ascontiguousarray(copy[:, ::-1] if mirrored else copy)
    assert _near(tmp_path, pictures) == {("07.png", "copy.png")}


def test_a_copy_is_found_recompressed_relit_and_resized(tmp_path: Path) -> None:
    pictures = {f"{i:02d}.png": texture(i) for i in range(30)}
    relit = as_picture(pictures["03.png"].astype(np.float64) * 1.2 - 10.0)
    pictures["relit.png"] = np.ascontiguousarray(relit[::-1])
    pictures["small.png"] = cv2.resize(
        np.ascontiguousarray(np.rot90(pictures["04.png"])), (60, 60), interpolation=cv2.INTER_AREA
    )
    dataset = dataset_of(tmp_path, pictures | {"packed.jpg": pictures["05.png"]})
    save_image(pictures["05.png"], tmp_path / "packed.jpg", quality=40)
    looks, _ = look_at(dataset)
    assert {(one, other) for one, other, _ in near_copies(looks)} == {
        ("03.png", "relit.png"),
        ("04.png", "small.png"),
        ("05.png", "packed.jpg"),
    }


def test_a_long_picture_turned_upright_is_a_copy(tmp_path: Path) -> None:
    pictures = {f"{i}.png": texture(i)[:32] for i in range(10)}
    pictures["copy.png"] = np.ascontiguousarray(np.rot90(pictures["4.png"]))
    assert _near(tmp_path, pictures) == {("4.png", "copy.png")}


def test_parts_in_one_fixture_are_not_copies_of_each_other(tmp_path: Path) -> None:
    scene = texture(500).astype(np.float64)
    pictures = {
        f"{i:02d}.png": as_picture(0.8 * scene + 0.2 * texture(i).astype(np.float64))
        for i in range(40)
    }
    pictures["copy.png"] = np.ascontiguousarray(pictures["11.png"][:, ::-1])
    assert _near(tmp_path, pictures) == {("11.png", "copy.png")}


def test_blank_pictures_are_exact_copies_only(tmp_path: Path) -> None:
    blank = np.zeros((40, 40, 3), np.uint8)
    looks, _ = look_at(dataset_of(tmp_path, {"a.png": blank, "b.png": blank, "c.bmp": blank + 9}))
    assert exact_copies(looks) == [("a.png", "b.png")]
    assert near_copies(looks) == []


def test_equal_pixels_in_another_format_are_an_exact_copy(tmp_path: Path) -> None:
    looks, _ = look_at(dataset_of(tmp_path, {"a.png": texture(1), "b.bmp": texture(1)}))
    assert exact_copies(looks) == [("a.png", "b.bmp")]


def test_a_picture_of_one_pixel_is_no_trouble(tmp_path: Path) -> None:
    pictures = {"dot.png": np.zeros((1, 1, 3), np.uint8), "a.png": texture(1), "b.png": texture(2)}
    assert _near(tmp_path, pictures) == set()
