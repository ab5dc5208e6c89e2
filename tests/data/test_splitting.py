from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from part_pictures import dataset_of, texture

from flawscope.data.splitting import (
    PARTS,
    Split,
    apply_split,
    default_split_path,
    read_split,
    split,
    stratum_names,
)
from flawscope.errors import SplitError
from flawscope.values import Dataset, Label, Sample, Size


def _sample(name: str, kinds: tuple[str, ...] = (), group: str | None = None) -> Sample:
    label = Label.DEFECTIVE if kinds else Label.GOOD
    return Sample(name, Path(name), Size(8, 8), label, kinds=kinds, group=group)


def _dataset(samples: list[Sample]) -> Dataset:
    return Dataset(Path("parts"), "test", (), tuple(sorted(samples, key=lambda s: s.id)))


def _tiles(groups: dict[str, int], per_group: int = 4) -> Dataset:
    """``groups[kind]`` groups of each kind; the kind "" is good."""
    return _dataset(
        [
            _sample(f"{kind}{i:03d}_{j}.png", (kind,) if kind else (), f"{kind}{i:03d}")
            for kind, n in groups.items()
            for i in range(n)
            for j in range(per_group)
        ]
    )


def _shown(dataset: Dataset, made: Split) -> dict[str, Counter[str]]:
    applied = apply_split(dataset, made)
    return {
        part: Counter(name for s in applied.samples if s.split == part for name in stratum_names(s))
        for part in PARTS
    }


def test_every_image_is_in_one_part_and_groups_are_whole() -> None:
    dataset = _tiles({"": 40, "crack": 9, "dent": 5})
    made = split(dataset, seed=3)
    assert sorted(chain.from_iterable(made.ids.values())) == [s.id for s in dataset.samples]
    assert made.images == len(dataset.samples)
    assert made.groups == "dataset"
    for ids in made.ids.values():
        assert all(n == 4 for n in Counter(name.split("_")[0] for name in ids).values())


def test_shares_hold_for_every_kind() -> None:
    shown = _shown(dataset := _tiles({"": 100, "crack": 20, "dent": 10}), split(dataset))
    for kind, n in {"(good)": 100, "crack": 20, "dent": 10}.items():
        assert [shown[part][kind] for part in PARTS] == [
            pytest.approx(share * n * 4, abs=4) for share in (0.6, 0.2, 0.2)
        ]


@pytest.mark.parametrize("groups", [3, 4, 5, 7])
def test_a_kind_of_few_groups_lands_in_every_part(groups: int) -> None:
    dataset = _tiles({"": 60, "crack": groups})
    for seed in range(5):
        shown = _shown(dataset, split(dataset, seed=seed))
        assert all(shown[part]["crack"] for part in PARTS)


def test_two_groups_of_a_kind_are_learned_and_tested() -> None:
    shown = _shown(dataset := _tiles({"": 30, "crack": 2}), split(dataset))
    assert shown["train"]["crack"]
    assert shown["test"]["crack"]


def test_groups_of_unequal_size_and_several_kinds() -> None:
    sizes = [40, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1]
    dataset = _dataset(
        [
            _sample(f"{i:02d}_{j}", ("a", "b") if j == 0 else ("a",), f"{i}")
            for i, n in enumerate(sizes)
            for j in range(n)
        ]
    )
    shown = _shown(dataset, split(dataset))
    assert all(shown[part]["a"] and shown[part]["b"] for part in PARTS)
    assert shown["train"]["a"] >= 40  # the large group can only fit there


def test_the_seed_decides_and_order_of_samples_does_not() -> None:
    dataset = _tiles({"": 30, "crack": 6})
    backwards = Dataset(dataset.root, "test", (), dataset.samples[::-1])
    assert split(dataset, seed=1) == split(backwards, seed=1)
    assert split(dataset, seed=1).ids != split(dataset, seed=2).ids


def test_a_share_of_zero_leaves_its_part_empty() -> None:
    made = split(_tiles({"": 20, "crack": 6}), shares=(0.75, 0.25, 0.0))
    assert made.ids["test"] == ()
    assert len(made.ids["train"]) == pytest.approx(0.75 * 26 * 4, abs=4)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.5, 0.2, 0.2), (0.0, 0.5, 0.5), (1.2, 0, -0.2)])
def test_shares_that_make_no_sense(shares: tuple[float, ...]) -> None:
    with pytest.raises(SplitError, match="sum to 1"):
        split(_tiles({"": 5}), shares=shares)


def test_nothing_to_split() -> None:
    with pytest.raises(SplitError, match="no image"):
        split(_dataset([]))


def _part_of(made: Split, id_: str) -> str:
    return next(part for part, ids in made.ids.items() if id_ in ids)


def test_near_copies_keep_their_groups_together_unless_leaks_are_allowed(tmp_path: Path) -> None:
    pictures = {f"{i:02d}.png": texture(i) for i in range(20)}
    copies = {f"copy{i}.png": np.ascontiguousarray(texture(i)[::-1]) for i in range(8)}
    dataset = dataset_of(tmp_path, pictures | copies, lambda id_: {"group": id_})
    together = split(dataset)
    assert (together.groups, together.copies_together) == ("dataset", True)
    pairs = [(f"{i:02d}.png", f"copy{i}.png") for i in range(8)]
    assert all(_part_of(together, one) == _part_of(together, other) for one, other in pairs)
    allowed = split(dataset, allow_leaks=True)
    assert not allowed.copies_together
    assert any(_part_of(allowed, one) != _part_of(allowed, other) for one, other in pairs)


def test_groups_are_inferred_where_none_are_named(tmp_path: Path) -> None:
    pictures = {f"part{i}_crop_{j}.png": texture(9 * i + j) for i in range(9) for j in range(3)}
    made = split(dataset_of(tmp_path, pictures))
    assert made.groups == "inferred"
    for ids in made.ids.values():
        assert all(n == 3 for n in Counter(name.split("_")[0] for name in ids).values())


def test_a_group_named_for_some_images_holds_for_those_like_them(tmp_path: Path) -> None:
    pictures = {f"part{i}_crop_{j}.png": texture(9 * i + j) for i in range(9) for j in range(3)}
    named = {f"part{i}_crop_0.png": {"group": f"lot{i // 3}"} for i in range(9)}
    made = split(dataset_of(tmp_path, pictures, lambda id_: named.get(id_, {})))
    assert made.groups == "dataset"
    for ids in made.ids.values():
        lots = Counter(int(name[4]) // 3 for name in ids)
        assert all(n == 9 for n in lots.values())


def test_groups_by_pattern_win_over_the_datasets_own() -> None:
    samples = [_sample(f"p{i}_shot{j}.png", (), f"own{j}") for i in range(10) for j in range(3)]
    made = split(_dataset(samples), group_by=r"p(\d+)_|(no)")
    assert (made.groups, made.group_by) == ("pattern", r"p(\d+)_|(no)")
    for ids in made.ids.values():
        assert all(n == 3 for n in Counter(name.split("_")[0] for name in ids).values())


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "regular expression"),
        ("p", "captures nothing"),
        (r"q(\d)", "catches nothing in 5 of 5"),
        (r"p0(.*)\.|p(\d)", r"catches nothing in 1 of 5 images, p0\.png first"),
    ],
)
def test_patterns_that_name_no_groups(pattern: str, message: str) -> None:
    with pytest.raises(SplitError, match=message):
        split(_dataset([_sample(f"p{i}.png") for i in range(5)]), group_by=pattern)


def test_a_leaky_split_tears_groups_and_says_so() -> None:
    dataset = _tiles({"": 30, "crack": 6})
    made = split(dataset, leaky=True)
    assert made.leaky
    assert made.groups == "none"
    parts: dict[str, set[str]] = {}
    for part, ids in made.ids.items():
        for name in ids:
            parts.setdefault(name.split("_")[0], set()).add(part)
    assert sum(len(found) > 1 for found in parts.values()) > 20
    applied = apply_split(dataset, made)  # nobody is misled: the file says that it leaks
    assert [s.group for s in applied.samples] == [s.group for s in dataset.samples]


def test_a_leaky_split_says_nothing_of_groups() -> None:
    dataset = _dataset([_sample(f"{i}.png") for i in range(10)])
    applied = apply_split(dataset, split(dataset, leaky=True))
    assert {s.group for s in applied.samples} == {None}


def test_samples_without_a_group_get_the_splits() -> None:
    samples = [_sample(f"p{i}_shot{j}.png") for i in range(10) for j in range(3)]
    named = _sample("p3_shot9.png", (), "third")
    dataset = _dataset([*samples, named])
    applied = apply_split(dataset, split(dataset, group_by=r"p(\d+)_"))
    groups = {s.id: s.group for s in applied.samples}
    assert groups["p3_shot0.png"] == groups["p3_shot2.png"] == "3"
    assert groups["p3_shot9.png"] == "third", "the dataset's own word counts"


def test_splits_of_the_first_version_are_read_without_groups(tmp_path: Path) -> None:
    dataset = _dataset([_sample(f"{i}.png", (), f"g{i}" if i < 5 else None) for i in range(10)])
    made = split(dataset, group_by=r"(\d)\.")
    document = json.loads(made.model_dump_json(exclude={"parts"}))
    document |= {"format_version": 1, "ids": made.ids}
    path = tmp_path / "old.split.json"
    path.write_text(json.dumps(document))
    old = read_split(path)
    assert old.ids == made.ids
    applied = apply_split(dataset, old)
    assert [(s.id, s.group) for s in applied.samples] == [(s.id, s.group) for s in dataset.samples]
    assert {s.id for s in applied.samples if s.split == "test"} == set(made.ids["test"])
    old.write(path)
    assert read_split(path) == old


def test_a_split_survives_its_file(tmp_path: Path) -> None:
    made = split(_tiles({"": 10, "crack": 3}), seed=5)
    path = tmp_path / "deep" / "x.split.json"
    made.write(path)
    assert read_split(path) == made
    assert set(json.loads(path.read_text())["parts"]) == set(PARTS)


def test_the_default_place_is_not_inside_the_dataset(tmp_path: Path) -> None:
    assert default_split_path(tmp_path / "tiles") == Path("tiles.split.json")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "{}",
        '{"format_version": 2}',
        '{"format_version": 1, "ids": [1]}',
        '{"format_version": 1, "ids": {"train": 1}}',
    ],
)
def test_files_that_are_no_split(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.split.json"
    path.write_text(text)
    with pytest.raises(SplitError, match="not a split file") as caught:
        read_split(path)
    assert str(path) in str(caught.value)


def test_a_split_of_a_newer_flawscope_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.split.json"
    path.write_text('{"format_version": 3}')
    with pytest.raises(SplitError, match="version 3 is of a newer flawscope"):
        read_split(path)


def test_a_missing_split_file(tmp_path: Path) -> None:
    with pytest.raises(SplitError, match=r"cannot be read.*data split"):
        read_split(tmp_path / "none.json")


def _with_test_part(made: Split, groups: dict[str, tuple[str, ...]]) -> Split:
    return made.model_copy(update={"parts": {**made.parts, "test": made.parts["test"] | groups}})


def test_an_image_in_two_parts_is_refused(tmp_path: Path) -> None:
    made = split(_tiles({"": 5}))
    _with_test_part(made, {"new": made.ids["train"][:1]}).write(tmp_path / "x.json")
    with pytest.raises(SplitError, match="more than one place"):
        read_split(tmp_path / "x.json")


def test_a_split_of_other_images_is_refused() -> None:
    dataset = _tiles({"": 5})
    made = split(dataset)
    other = Dataset(dataset.root, "test", (), (*dataset.samples[1:], _sample("new.png")))
    with pytest.raises(SplitError, match=r"1 images .* not in the split, new.png") as caught:
        apply_split(other, made)
    assert "000_0.png first" in str(caught.value)


def test_a_split_that_tears_a_group_is_refused() -> None:
    dataset = _tiles({"": 5})
    made = split(dataset, leaky=True).model_copy(update={"leaky": False})
    with pytest.raises(SplitError, match=r"groups stand on both sides.*data split"):
        apply_split(dataset, made)


def test_a_split_that_tears_a_group_of_its_own_is_refused() -> None:
    made = split(_dataset([_sample(f"{i}.png") for i in range(10)]), group_by=r"(\d)\.")
    torn = next(iter(made.parts["train"]))
    torn_again = _with_test_part(made, {torn: ("10.png",)})
    dataset = _dataset([_sample(f"{i}.png") for i in range(11)])
    with pytest.raises(SplitError, match=f"on both sides of the split, {torn} first"):
        apply_split(dataset, torn_again)
