from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from part_pictures import Picture, as_picture, dataset_of, texture

from flawscope.data.audit.likeness import evened
from flawscope.data.audit.looks import look_at
from flawscope.data.audit.twins import _Correlations, _waves, exact_copies, near_copies
from flawscope.data.progress import silent
from flawscope.images import open_image, save_image


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


@pytest.mark.parametrize("position", range(8))
def test_a_correlation_is_that_of_the_pixels_without_the_scene(
    tmp_path: Path, position: int
) -> None:
    """Against turned and mirrored pixels; a scene that no turn leaves as it is."""
    scene = texture(500)[:64, :64].astype(np.float64)
    squares = [0.7 * scene + 0.3 * texture(i)[:64, :64] for i in range(20)]
    turned = np.rot90(squares[3], position % 4)
    squares.append(turned[:, ::-1] if position > 3 else turned)
    pictures = {f"{i:02d}.png": as_picture(one) for i, one in enumerate(squares)}
    looks, _ = look_at(dataset_of(tmp_path, pictures))
    planes = []
    for look in looks.values():
        plane = evened(look.square)
        plane -= plane.mean()
        planes.append(plane / np.linalg.norm(plane))
    shared = np.mean(planes, axis=0) * 0.5
    table = _Correlations(
        np.stack([_waves(look) for look in looks.values()]),
        np.mean([_waves(look) for look in looks.values()], axis=0, dtype=np.float32) * 0.5,
        silent,
    )
    for one in range(0, 20, 3):
        expected = max(
            float(np.corrcoef((planes[one] - shared).ravel(), (other - shared).ravel())[0, 1])
            for other in (
                np.rot90(plane, turns)
                for plane in (planes[20], planes[20][:, ::-1])
                for turns in range(4)
            )
        )
        found = table.best_of_eight(np.array([one]), np.array([20]))[0]
        assert found == pytest.approx(expected, abs=3e-3)


def test_equal_jpegs_are_exact_copies_and_nearly_equal_ones_are_not(tmp_path: Path) -> None:
    """They are decoded reduced at first, so that equal looks must be looked at again."""
    large = np.tile(texture(1), (4, 12, 1))
    pictures = {f"{i}.jpg": np.roll(large, 7 * i, axis=1) for i in range(4)}
    dataset = dataset_of(tmp_path, {**pictures, "same.jpg": large, "other.jpg": large})
    written = (tmp_path / "same.jpg").read_bytes()
    (tmp_path / "same.jpg").write_bytes(written[:2] + b"\xff\xfe\x00\x04hi" + written[2:])
    looks, problems = look_at(dataset)
    assert not problems
    assert all(look.digest is None for look in looks.values())
    assert sorted(exact_copies(looks)) == [("0.jpg", "other.jpg", "same.jpg")]
    decoded = open_image(tmp_path / "0.jpg")
    save_image(decoded, tmp_path / "lossless.png")
    sample = replace(dataset.samples[0], id="lossless.png", image=tmp_path / "lossless.png")
    looks, _ = look_at(replace(dataset, samples=(*dataset.samples, sample)))
    assert sorted(exact_copies(looks)) == [("0.jpg", "lossless.png", "other.jpg", "same.jpg")]


def test_a_large_jpeg_that_is_cut_short_is_named(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, {"a.jpg": np.tile(texture(1), (4, 12, 1)), "b.jpg": texture(2)})
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 9 // 10])
    looks, problems = look_at(dataset)
    assert [problem.where for problem in problems] == ["a.jpg"]
    assert list(looks) == ["b.jpg"]
