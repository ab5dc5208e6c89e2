"""A dataset named on the command line, with the split that belongs to it."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli.console import counting, note
from flawscope.errors import SplitError

if TYPE_CHECKING:
    from flawscope.data import Audit, Split
    from flawscope.values import Dataset, Manifest

LayoutOption = Annotated[
    str | None,
    typer.Option("--layout", metavar="NAME", help="The dataset's layout; default: detected."),
]
SplitFileOption = Annotated[
    Path | None,
    typer.Option(
        "--split-file",
        metavar="FILE",
        help="As written by data split; default: NAME.split.json in the current folder.",
    ),
]


def read_dataset(root: Path, layout: str | None) -> Dataset:
    """Reads a dataset and tells what was made of it."""
    from flawscope import data

    with counting() as told:
        dataset = data.read(root, layout, told)
    note(f"{root}: {len(dataset.samples)} images, {read_as(dataset)}")
    if dataset.problems:
        first = dataset.problems[0]
        note(
            f"{len(dataset.problems)} problems in it, the first: {first.where}: {first.what}"
            f" (all of them: flawscope data check {root})",
            "yellow",
        )
    return dataset


def unread(dataset: Dataset) -> bool:
    """Whether some file of it could not be read, which is told already."""
    from flawscope.values import ProblemCode

    return any(problem.code is ProblemCode.UNREADABLE_FILE for problem in dataset.problems)


def read_as(what: Dataset | Audit) -> str:
    """Which layout a folder was taken for, and why."""
    return f"read as {what.layout}" + (f": {what.why}" if what.why else "")


def with_split(dataset: Dataset, split_file: Path | None, model: Path | None = None) -> Dataset:
    """The dataset with the split that is named, else one that lies here, or in the model's run.

    Else the split is the dataset's own.

    Args:
        dataset: as read.
        split_file: that was named.
        model: a run folder, or a file in one.
    """
    from flawscope.data import apply_split, default_split_path, read_split

    path = split_file or default_split_path(dataset.root)
    if split_file is not None or path.exists():
        note(f"split: {path}")
        return apply_split(dataset, read_split(path))
    if (kept := _kept_by_run(dataset, model)) is not None:
        path, split = kept
        note(f"split: {path}")
        return apply_split(dataset, split)
    if any(sample.split for sample in dataset.samples):
        note("split: as the dataset's own folders say")
        _warn_of_copies(dataset)
    return dataset


def _warn_of_copies(dataset: Dataset) -> None:
    """Tells where a dataset's own split has near copies on two sides."""
    from flawscope.data import refuse_copies

    try:
        with counting() as told:
            refuse_copies(dataset, told)
    except SplitError as error:
        note(str(error), "bold yellow")


def _kept_by_run(dataset: Dataset, model: Path | None) -> tuple[Path, Split] | None:
    """The split of just these images that the run of a model has kept, if there is one."""
    from flawscope.data import kept_split_path, read_split

    if model is None:
        return None
    run = model if model.is_dir() else model.parent
    path = kept_split_path(run, dataset.root.resolve().name)
    if not path.exists():
        return None
    split = read_split(path)
    same = {sample.id for sample in dataset.samples} == set(chain.from_iterable(split.ids.values()))
    if not same:
        note(f"the split that the model's run kept is of other images: {path} is passed by")
    return (path, split) if same else None


def warn_of_seen(dataset: Dataset, manifest: Manifest) -> None:
    """Tells where a model may be judged on images that it was trained on.

    Args:
        dataset: all of it, split as it will be judged.
        manifest: of the model.
    """
    from flawscope.data import digest_of_test, fingerprint

    known = manifest.dataset.get("fingerprints", {}).values()
    digest = fingerprint(dataset)["sha256"] if known else None
    tested = digest_of_test(dataset)
    for seen in known:
        if seen.get("sha256") == digest and (
            tested is None or seen.get("test_sha256", tested) != tested
        ):
            note(
                "the model was trained on images of this dataset, by another split: these figures"
                " may flatter it (its run keeps the split in splits/; name it with --split-file)",
                "bold yellow",
            )


def part_of(dataset: Dataset, part: str | None) -> Dataset:
    """One part of a split dataset; with no part named the test part, or all where none is known.

    Raises:
        SplitError: the dataset has no image in that part.
    """
    parts = {sample.split for sample in dataset.samples}
    if part is None:
        if "test" not in parts:
            note("split: none is known, so every image is judged", "yellow")
            return dataset
        part = "test"
    samples = tuple(sample for sample in dataset.samples if sample.split == part)
    if not samples:
        raise SplitError(
            f"no image is in the part {str(part)!r}",
            where=dataset.root,
            remedy=f"Make a split with: flawscope data split {dataset.root}",
        )
    note(f"part: {part}, {len(samples)} images")
    return replace(dataset, samples=samples)
