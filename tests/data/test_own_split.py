"""A split that a dataset's own folders name is kept, made whole, and refused where it leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from part_pictures import dataset_of, texture

from flawscope.data import apply_split, own_split, read_split
from flawscope.errors import SplitError
from flawscope.values import Dataset, Label

GOOD = {"label": Label.GOOD, "defects": (), "kinds": ()}
CRACKED = {"label": Label.DEFECTIVE, "defects": None, "kinds": ("crack",)}


def parted(root: Path, **counts: int) -> Dataset:
    """So many parts, half of them cracked, in a folder for each part of a split."""
    names = [f"{part}/{number}.png" for part, count in counts.items() for number in range(count)]
    seeds = {name: seed for seed, name in enumerate(names)}

    def describe(name: str) -> dict[str, object]:
        label = CRACKED if seeds[name] % 2 else GOOD
        return {**label, "split": name.split("/", maxsplit=1)[0], "group": f"part {seeds[name]}"}

    return dataset_of(root, {name: texture(seed) for name, seed in seeds.items()}, describe)


def test_the_test_part_stays_and_a_validation_part_is_taken_from_the_train_part(
    tmp_path: Path,
) -> None:
    dataset = parted(tmp_path, train=16, test=6)
    made = own_split(dataset)
    assert made is not None
    assert made.ids["test"] == tuple(f"test/{number}.png" for number in range(6))
    assert len(made.ids["validation"]) == 4
    assert len(made.ids["train"]) == 12
    assert made.shares == pytest.approx((12 / 22, 4 / 22, 6 / 22))
    made.write(tmp_path / "split.json")
    applied = apply_split(dataset, read_split(tmp_path / "split.json"))
    assert [one.split for one in applied.samples].count("test") == 6


def test_a_validation_part_that_is_named_stays_too(tmp_path: Path) -> None:
    made = own_split(parted(tmp_path, train=6, validation=4, test=2))
    assert made is not None
    assert [len(ids) for ids in made.ids.values()] == [6, 4, 2]


@pytest.mark.parametrize(
    "counts", [{"train": 4}, {"train": 1, "test": 3}, {"train": 4, "other": 2}]
)
def test_a_split_that_nothing_can_be_learned_or_judged_by_is_none(
    tmp_path: Path, counts: dict[str, int]
) -> None:
    assert own_split(parted(tmp_path, **counts)) is None


def test_parts_that_nobody_labelled_judge_and_choose_nothing(tmp_path: Path) -> None:
    dataset = parted(tmp_path, train=12, validation=4, test=4)

    def unlabelled(part: str) -> Dataset:
        bare = {"label": Label.UNKNOWN, "defects": None, "kinds": None}
        samples = [replace(one, **bare) if one.split == part else one for one in dataset.samples]
        return replace(dataset, samples=tuple(samples))

    assert own_split(unlabelled("test")) is None
    made = own_split(unlabelled("validation"))
    assert made is not None
    assert [len(ids) for ids in made.ids.values()] == [12, 4, 4]
    assert any(one.startswith("train/") for one in made.ids["validation"])


def test_near_copies_on_both_sides_are_an_error(tmp_path: Path) -> None:
    part = texture(0)
    pictures = {
        "train/a.png": part,
        "train/b.png": texture(1),
        "test/c.png": part[:, ::-1] // 2 + 50,
    }

    def describe(name: str) -> dict[str, object]:
        return {**CRACKED, "split": name.split("/", maxsplit=1)[0]}

    with pytest.raises(SplitError, match=r"test/c.png = train/a.png|train/a.png = test/c.png"):
        own_split(dataset_of(tmp_path, pictures, describe))
