"""What is wrong with a dataset, and what would leak: every image opened once, then compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, pairwise

from flawscope.data.audit.agreement import adjusted_rand_index
from flawscope.data.audit.findings import Audit, Finding, Severity, most_severe_first
from flawscope.data.audit.groups import Grouping, Joined, find_groups
from flawscope.data.audit.labels import balance, misfits, troubles
from flawscope.data.audit.looks import Look, look_at
from flawscope.data.audit.sharing import apart, copies, leaks, parts
from flawscope.data.audit.twins import Twins, exact_copies, near_copies
from flawscope.data.progress import Progress, silent
from flawscope.values import Dataset

__all__ = [
    "Audit",
    "Finding",
    "Severity",
    "adjusted_rand_index",
    "check",
    "copies_in_two_parts",
    "infer_groups",
    "keep_copies_together",
]


def check(dataset: Dataset, progress: Progress = silent) -> Audit:
    """Looks through a dataset for what would spoil a model or its figures.

    Args:
        dataset: as ``read`` gives it, with the problems met while reading.
        progress: told of every image opened and of every comparison.
    """
    looks, unreadable = look_at(dataset, progress)
    exact = exact_copies(looks)
    grouping = _grouping(dataset, looks, exact, progress)
    inferred = all(sample.group is None for sample in dataset.samples)
    own = {sample.id: sample.group for sample in dataset.samples if sample.group is not None}
    groups = dict(grouping.groups) if inferred else {**_alone(dataset), **own}
    problems = chain(dataset.problems, unreadable, misfits(dataset.samples, looks))
    findings: Iterator[Finding] = chain(
        troubles(problems),
        leaks(dataset, groups, grouping.copies),
        copies(dataset, exact, grouping.copies),
        parts(dataset, grouping),
        balance(dataset, groups),
    )
    return Audit(
        dataset=dataset.root.resolve().name,
        layout=dataset.layout,
        why=dataset.why,
        images=len(dataset.samples),
        findings=most_severe_first(findings),
        groups=groups,
        inferred=inferred,
    )


def infer_groups(dataset: Dataset, progress: Progress = silent) -> Mapping[str, str]:
    """The group of each image by id, from names and pixels, whatever the dataset says itself.

    A group is named after its first image; an image that resembles no other is its own group.
    """
    looks, _ = look_at(dataset, progress)
    return _grouping(dataset, looks, exact_copies(looks), progress).groups


def keep_copies_together(
    dataset: Dataset, groups: Mapping[str, str], progress: Progress = silent
) -> Mapping[str, str]:
    """The groups given, joined where one holds a near copy of an image of another."""
    looks, _ = look_at(dataset, progress)
    names = {name: name for name in groups.values()}
    joined = Joined(names)
    copies = _grouping(dataset, looks, exact_copies(looks), progress).copies
    joined.join((groups[one], groups[other]) for one, other, _ in copies)
    return {id_: joined.root(name) for id_, name in groups.items()}


def copies_in_two_parts(dataset: Dataset, progress: Progress = silent) -> Sequence[tuple[str, str]]:
    """Pairs of images that are near copies in different parts of the dataset's own split."""
    looks, _ = look_at(dataset, progress)
    near = _grouping(dataset, looks, exact_copies(looks), progress).copies
    return apart(near, {sample.id: sample.split for sample in dataset.samples}.get)


def _grouping(
    dataset: Dataset,
    looks: Mapping[str, Look],
    exact: Sequence[tuple[str, ...]],
    progress: Progress,
) -> Grouping:
    near = near_copies(looks, progress)
    found = {twins[:2] for twins in near}
    # Blank images have nothing to correlate, yet are copies where their pixels are equal.
    equal = [Twins(*pair, 1.0) for ids in exact for pair in pairwise(ids)]
    twins = [*near, *(twins for twins in equal if twins[:2] not in found)]
    return find_groups([sample.id for sample in dataset.samples], looks, twins, progress)


def _alone(dataset: Dataset) -> dict[str, str]:
    return {sample.id: sample.id for sample in dataset.samples}
