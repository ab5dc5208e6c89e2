"""The fingerprint changes with the labels and with nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import small_datasets as small

from flawscope.data import convert, fingerprint, read
from flawscope.values import Box, Dataset, Label, Size


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    small.coco_compressed(tmp_path)
    return read(tmp_path)


def test_counts(dataset: Dataset) -> None:
    found = json.loads(json.dumps(fingerprint(dataset)))
    digest = found.pop("sha256")
    assert len(digest) == 64
    assert found == {
        "images": 4,
        "good": 1,
        "defective": 2,
        "unknown": 1,
        "located": 3,
        "kinds": {"pit": 1, "scratch": 1},
    }


def test_is_the_same_for_the_same_labels(dataset: Dataset, tmp_path: Path) -> None:
    convert(dataset, "coco", tmp_path.with_name("again"))
    again = read(tmp_path.with_name("again"))
    assert fingerprint(again) == fingerprint(dataset)
    shuffled = replace(dataset, samples=dataset.samples[::-1], root=Path("elsewhere"))
    assert fingerprint(shuffled) == fingerprint(dataset)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other.jpg"},
        {"size": Size(41, 60)},
        {"label": Label.UNKNOWN},
        {"defects": None},
        {"kinds": None},
    ],
)
def test_changes_with_every_label(dataset: Dataset, change: dict) -> None:
    sample = next(sample for sample in dataset.samples if sample.defects)
    others = tuple(one for one in dataset.samples if one is not sample)
    changed = replace(dataset, samples=(*others, replace(sample, **change)))
    assert fingerprint(changed)["sha256"] != fingerprint(dataset)["sha256"]


def test_changes_with_a_place(dataset: Dataset) -> None:
    sample = next(sample for sample in dataset.samples if sample.defects)
    assert sample.defects
    moved = (replace(sample.defects[0], box=Box(0, 0, 1, 1)), *sample.defects[1:])
    others = tuple(one for one in dataset.samples if one is not sample)
    changed = replace(dataset, samples=(*others, replace(sample, defects=moved)))
    assert fingerprint(changed)["sha256"] != fingerprint(dataset)["sha256"]
