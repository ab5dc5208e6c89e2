"""Datasets read, split and fingerprinted for training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from flawscope.data import (
    apply_split,
    default_split_path,
    digest_of_test,
    fingerprint,
    kept_split_path,
    own_split,
    read,
    read_split,
    split,
)
from flawscope.data.splitting import Split
from flawscope.errors import TrainingError
from flawscope.values import Dataset, Label, Sample


@dataclass(frozen=True, slots=True)
class Prepared:
    """Split datasets, their splits, and where each split came from, in words."""

    datasets: tuple[Dataset, ...]
    splits: tuple[Split, ...]
    notes: tuple[str, ...]

    def keep_splits(self, run: Path) -> None:
        """Writes the splits to a run's folder, for a resumption to find them."""
        for one in self.splits:
            one.write(kept_split_path(run, one.dataset))

    def fingerprints(self) -> dict[str, object]:
        """By dataset folder name: what it held, so that a model can say what it saw."""
        return {
            data.root.name: {**fingerprint(data), "test_sha256": digest_of_test(data)}
            for data in self.datasets
        }


def prepare(
    roots: Sequence[Path], run: Path, *, layout: str | None, split_files: Sequence[Path]
) -> Prepared:
    """Reads datasets and splits each by group; nothing is written.

    A split comes from the run's own folder (on resuming), a named file, the default
    place, the dataset's own folders, or is made here, in this order.

    Raises:
        DatasetError: a folder cannot be read, or two have the same name.
        SplitError: the dataset's own split has copies in two parts.
        TrainingError: a part of the split has nothing to learn from or to choose on.
    """
    named = _named(roots, split_files)
    datasets, splits, notes = [], [], []
    for root in roots:
        data = read(root, layout)
        found, note = _split_of(data, run, named)
        splits.append(found)
        datasets.append(apply_split(data, found))
        notes.append(note)
    _require_lessons([sample for data in datasets for sample in data.samples], roots)
    return Prepared(tuple(datasets), tuple(splits), tuple(notes))


def _named(roots: Sequence[Path], split_files: Sequence[Path]) -> Mapping[str, tuple[Path, Split]]:
    names = [root.resolve().name for root in roots]
    if len(set(names)) < len(names):
        raise TrainingError(
            "two datasets have the same folder name", where=", ".join(names), remedy="Rename one"
        )
    named = {}
    for path in split_files:
        found = read_split(path)
        if found.dataset not in names:
            raise TrainingError(
                f"the split is of {found.dataset!r}, not of {' or '.join(names)}",
                where=path,
                remedy="Name the split file of a dataset that is trained on",
            )
        named[found.dataset] = (path, found)
    return named


def _split_of(
    data: Dataset, run: Path, named: Mapping[str, tuple[Path, Split]]
) -> tuple[Split, str]:
    name = data.root.resolve().name
    kept = kept_split_path(run, name)
    if kept.exists():
        return read_split(kept), f"{name}: the run's own split"
    if name in named:
        path, found = named[name]
        return found, f"{name}: split read from {path}"
    usual = default_split_path(data.root)
    if usual.exists():
        return read_split(usual), f"{name}: split read from {usual}"
    if (own := own_split(data)) is not None:
        return own, f"{name}: split as the dataset's own folders say"
    found = split(data)
    return found, f"{name}: split by group ({found.groups}) just now"


def _require_lessons(samples: Sequence[Sample], roots: Sequence[Path]) -> None:
    for part in ("train", "validation"):
        labels = {sample.label for sample in samples if sample.split == part} - {Label.UNKNOWN}
        if not labels:
            raise TrainingError(
                f"the {part} part has no labelled image",
                where=", ".join(str(root) for root in roots),
                remedy="Label more parts, or make another split: flawscope data split DATASET",
            )
