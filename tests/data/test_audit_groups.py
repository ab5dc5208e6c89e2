from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from part_pictures import Picture, as_picture, dataset_of, shot, texture

from flawscope.data.audit import adjusted_rand_index, infer_groups


def _agreement(groups: dict[str, str], truth: dict[str, int]) -> float:
    ids = sorted(truth)
    return adjusted_rand_index([groups[i] for i in ids], [truth[i] for i in ids])


def _numbered(gap_within: int, gap_between: int, parts: int = 8, shots: int = 5):
    pictures: dict[str, Picture] = {}
    truth: dict[str, int] = {}
    number = 100
    for part in range(parts):
        for exposure in range(shots):
            folder = "bad" if (part + exposure) % 3 == 0 else "good"
            id_ = f"{folder}/exp{exposure}_num_{number}.png"
            pictures[id_] = shot(texture(part), number)
            truth[id_] = part
            number += gap_within
        number += gap_between
    return pictures, truth


@pytest.mark.parametrize(("within", "between"), [(15, 900), (1, 0)])
def test_shots_near_in_number_that_look_alike_are_one_part(
    tmp_path: Path, within: int, between: int
) -> None:
    pictures, truth = _numbered(within, between)
    groups = infer_groups(dataset_of(tmp_path, pictures))
    assert _agreement(dict(groups), truth) == 1.0


def test_a_shot_that_looks_different_belongs_to_the_run_it_stands_in(tmp_path: Path) -> None:
    pictures, truth = _numbered(15, 900)
    odd = sorted(i for i in pictures if truth[i] == 3)[2]
    pictures[odd] = texture(999)
    groups = infer_groups(dataset_of(tmp_path, pictures))
    assert _agreement(dict(groups), truth) == 1.0


def test_numbers_alone_make_no_groups(tmp_path: Path) -> None:
    pictures = {f"p{i:03d}.png": texture(i) for i in range(40)}
    groups = infer_groups(dataset_of(tmp_path, pictures))
    assert all(group == id_ for id_, group in groups.items())


def _wear_series(places: int = 6, frames: int = 6) -> dict[str, Picture]:
    """Places of one part in one fixture, photographed in turn while they wear.

    All share the scene; the camera setting in the name changes once, for all of them.
    """
    scene = texture(1000).astype(np.float64)
    pictures = {}
    for frame in range(frames):
        for place in range(places):
            own = texture(place).astype(np.float64) * 0.3 + 0.7 * scene
            worn = own + 0.06 * frame * texture(50 + place).astype(np.float64)
            noise = np.random.default_rng(frame * 100 + place).normal(0, 2, own.shape)
            time, setting = 20200101 + frame * places + place, 2 if frame < 3 else 1
            pictures[f"01_{time}_{place * 25}_cam_{setting}.png"] = as_picture(worn + noise)
    return pictures


def test_a_series_is_one_part_whatever_setting_changed_meanwhile(tmp_path: Path) -> None:
    pictures = _wear_series()
    groups = infer_groups(dataset_of(tmp_path, pictures))
    truth = {id_: int(id_.split("_")[2]) for id_ in pictures}
    assert _agreement(dict(groups), truth) == 1.0


def test_pieces_of_one_photograph_are_one_part(tmp_path: Path) -> None:
    pictures = {f"part{i}_crop_{j}.png": texture(10 * i + j) for i in range(3) for j in range(2)}
    groups = infer_groups(dataset_of(tmp_path, pictures))
    assert groups["part1_crop_0.png"] == groups["part1_crop_1.png"]
    assert len(set(groups.values())) == 3


def test_copies_are_one_part_whatever_their_names(tmp_path: Path) -> None:
    pictures = {f"{name}.png": texture(i) for i, name in enumerate("abcdefgh")}
    pictures["zebra.png"] = np.rot90(pictures["c.png"]).copy()
    groups = infer_groups(dataset_of(tmp_path, pictures))
    assert groups["zebra.png"] == groups["c.png"] == "c.png"
    assert len(set(groups.values())) == 8


def test_one_image_is_one_group(tmp_path: Path) -> None:
    assert infer_groups(dataset_of(tmp_path, {"a.png": texture(0)})) == {"a.png": "a.png"}
