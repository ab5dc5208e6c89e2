"""Splits of a dataset by group, stratified by kind, written down in a small file.

Images of one physical part must never be split apart: a model that saw the part in training
recognises it in the test, and its score says nothing about parts it has not seen.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from flawscope.data.audit import infer_groups, keep_copies_together
from flawscope.data.progress import Progress, silent
from flawscope.errors import SplitError
from flawscope.files import write_text
from flawscope.values import Dataset, Label, Sample

Part = Literal["train", "validation", "test"]
GroupSource = Literal["dataset", "pattern", "inferred", "none"]

PARTS: tuple[Part, Part, Part] = ("train", "validation", "test")
"""Names of the parts of a split, in the order of its shares."""

UNGROUPED = ""
"""In a split file, the group of images whose part nobody named or inferred."""

# A kind with too few groups for every part is wanted first where it is learned, then judged.
_NEEDED_FIRST = (0, 2, 1)


class Split(BaseModel):
    """Which image belongs to which part, and how that was decided.

    Attributes:
        format_version: of the split file.
        dataset: name of the dataset's folder.
        images: number of images that are split.
        seed: of the choice between groups that fit equally well.
        shares: wanted share of the images in train, validation and test.
        groups: where groups came from: the dataset, a pattern over ids, inferred, or ``none``.
        group_by: the pattern, where there was one.
        copies_together: near copies were looked for, and stand on one side.
        leaky: images of one part may stand on both sides; a score from it is not to be trusted.
        parts: ids of images by part and group, sorted; the group ``UNGROUPED`` is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format_version: Literal[2] = 2
    dataset: str
    images: Annotated[int, Field(ge=1)]
    seed: int
    shares: tuple[float, float, float]
    groups: GroupSource
    group_by: str | None = None
    copies_together: bool = False
    leaky: bool = False
    parts: dict[Part, dict[str, tuple[str, ...]]]

    @model_validator(mode="before")
    @classmethod
    def _from_other_versions(cls, document: Any) -> Any:
        match document:
            case {"format_version": 1, "ids": {**by_part}, **rest}:  # it kept no groups
                parts = {part: {UNGROUPED: ids} for part, ids in by_part.items()}
                return {**rest, "format_version": 2, "parts": parts}
            case {"format_version": int(version)} if version > 2:
                raise ValueError(f"version {version} is of a newer flawscope")
        return document

    @property
    def ids(self) -> dict[Part, tuple[str, ...]]:
        """Ids of images by part, sorted."""
        return {
            part: tuple(sorted(chain.from_iterable(groups.values())))
            for part, groups in self.parts.items()
        }

    def write(self, path: Path) -> None:
        """Writes the split as JSON, whole or not at all."""
        write_text(path, self.model_dump_json(indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    ids: tuple[str, ...]
    strata: Mapping[str, int]
    """Images by stratum; an image of two kinds counts for both."""


SPLITS = "splits"
"""The folder of a run that keeps the splits which it used."""


def default_split_path(root: Path) -> Path:
    """Where the split of a dataset is looked for: in the current folder, not the dataset's."""
    return Path(f"{root.resolve().name}.split.json")


def kept_split_path(run: Path, dataset: str) -> Path:
    """Where a run keeps the split that it used of a dataset, by the name of its folder."""
    return run / SPLITS / f"{dataset}.json"


def split(
    dataset: Dataset,
    *,
    shares: Sequence[float] = (0.6, 0.2, 0.2),
    group_by: str | None = None,
    seed: int = 0,
    leaky: bool = False,
    allow_leaks: bool = False,
    progress: Progress = silent,
) -> Split:
    """Splits a dataset by group so that every part shows every kind, as far as groups allow.

    Groups are assigned greedily, rarest kind first, to the part that lacks it most: the iterative
    stratification of Sechidis, Tsoumakas and Vlahavas (2011), over groups in place of images.

    Args:
        dataset: to split; groups come from ``group_by``, else from its samples, else they are
            inferred from names and pixels. Groups that share near copies are kept together.
        shares: wanted share of images in train, validation and test; they sum to 1.
        group_by: a regular expression searched in every id; what its capture groups hold names
            the group.
        seed: decides between groups that fit equally well.
        leaky: split image by image, whatever part they show. Only to show how much a score gains
            by leaking.
        allow_leaks: take groups as they stand, even where near copies are in different ones.
        progress: told of every image opened and of every comparison.

    Raises:
        SplitError: shares or pattern make no sense, or there is nothing to split.
    """
    wanted = _checked_shares(shares)
    if not dataset.samples:
        raise SplitError("there is no image to split", where=dataset.root)
    if leaky:
        source: GroupSource = "none"
        names: Mapping[str, str] = {sample.id: sample.id for sample in dataset.samples}
    else:
        source, names = _group_names(dataset, group_by, progress)
    copies_together = not (leaky or allow_leaks)
    if copies_together and source != "inferred":
        names = keep_copies_together(dataset, names, progress)
    parts = _stratified(_grouped(dataset.samples, names), wanted, np.random.default_rng(seed))
    return Split(
        dataset=dataset.root.resolve().name,
        images=len(dataset.samples),
        seed=seed,
        shares=wanted,
        groups=source,
        group_by=None if leaky else group_by,
        copies_together=copies_together,
        leaky=leaky,
        parts={
            part: _ids_by_group(groups, named=not leaky)
            for part, groups in zip(PARTS, parts, strict=True)
        },
    )


def read_split(path: Path) -> Split:
    """Reads a split file.

    Raises:
        SplitError: the file is missing or is not a split.
    """
    try:
        found = Split.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SplitError(
            f"cannot be read ({error.strerror or error})",
            where=path,
            remedy="Make it with: flawscope data split DATASET",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise SplitError(
            f"not a split file ({f'{key}: ' if key else ''}{first['msg']})",
            where=path,
            remedy="Make it anew with: flawscope data split DATASET",
        ) from error
    twice = [one for one, n in Counter(chain.from_iterable(found.ids.values())).items() if n > 1]
    if twice:
        raise SplitError(
            f"{len(twice)} images stand in more than one place, {twice[0]} first",
            where=path,
            remedy="Make it anew with: flawscope data split DATASET",
        )
    return found


def apply_split(dataset: Dataset, split: Split) -> Dataset:
    """The dataset with every sample's ``split`` set, and its ``group`` where it has none.

    Raises:
        SplitError: the split is of other images, or puts images of one group in different parts
            without saying itself that it is leaky.
    """
    places = {
        one: (part, group)
        for part, groups in split.parts.items()
        for group, ids in groups.items()
        for one in ids
    }
    _require_same_images(dataset, places)
    samples = tuple(_placed(sample, *places[sample.id]) for sample in dataset.samples)
    if not split.leaky:
        _require_whole_groups(dataset.root, samples)
    return replace(dataset, samples=samples)


def _placed(sample: Sample, part: Part, group: str) -> Sample:
    return replace(sample, split=part, group=sample.group or group or None)


def stratum_names(sample: Sample) -> tuple[str, ...]:
    """What a sample counts for when kinds are balanced: its kinds, else its label."""
    if sample.kinds:
        return tuple(sorted(set(sample.kinds)))
    return (f"({sample.label.value})",) if sample.label != Label.UNKNOWN else ("(unlabelled)",)


def _checked_shares(shares: Sequence[float]) -> tuple[float, float, float]:
    good = (
        len(shares) == len(PARTS)
        and min(shares) >= 0.0
        and shares[0] > 0.0
        and abs(sum(shares) - 1.0) < 1e-6
    )
    if not good:
        raise SplitError(
            f"shares {', '.join(map(str, shares))} are not three shares that sum to 1",
            where="shares",
            remedy="Give train, validation and test, as in 0.6 0.2 0.2",
        )
    return (float(shares[0]), float(shares[1]), float(shares[2]))


def _group_names(
    dataset: Dataset, group_by: str | None, progress: Progress
) -> tuple[GroupSource, Mapping[str, str]]:
    if group_by is not None:
        return "pattern", _names_by_pattern(dataset, group_by)
    names = {sample.id: sample.group for sample in dataset.samples if sample.group is not None}
    if len(names) == len(dataset.samples):
        return "dataset", names
    inferred = infer_groups(dataset, progress)
    if not names:
        return "inferred", inferred
    # A part named for some of its images only is named for those that resemble them, too.
    named = {inferred[id_]: name for id_, name in sorted(names.items())}
    rest = {id_: named.get(group, group) for id_, group in inferred.items()}
    return "dataset", {**rest, **names}


def _names_by_pattern(dataset: Dataset, group_by: str) -> Mapping[str, str]:
    try:
        pattern = re.compile(group_by)
    except re.error as error:
        raise SplitError(
            f"{group_by!r} is not a regular expression ({error})",
            where="group_by",
            remedy="Write a pattern with a capture group, as in 'part(\\d+)_'",
        ) from error
    if not pattern.groups:
        raise SplitError(
            f"{group_by!r} captures nothing that could name a group",
            where="group_by",
            remedy="Put what names the part in parentheses, as in 'part(\\d+)_'",
        )
    names, unmatched = {}, []
    for sample in dataset.samples:
        match = pattern.search(sample.id)
        if caught := "/".join(filter(None, match.groups())) if match else "":
            names[sample.id] = caught
        else:
            unmatched.append(sample.id)
    if unmatched:
        raise SplitError(
            f"{group_by!r} catches nothing in {len(unmatched)} of {len(dataset.samples)} images,"
            f" {unmatched[0]} first",
            where="group_by",
            remedy="Widen the pattern; alternatives may each have a capture group",
        )
    return names


def _grouped(samples: Iterable[Sample], names: Mapping[str, str]) -> list[_Group]:
    members: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        members[names[sample.id]].append(sample)
    return [
        _Group(
            name,
            tuple(sorted(sample.id for sample in members[name])),
            Counter(chain.from_iterable(map(stratum_names, members[name]))),
        )
        for name in sorted(members)
    ]


def _ids_by_group(groups: Iterable[_Group], *, named: bool) -> dict[str, tuple[str, ...]]:
    if named:
        return {group.name: group.ids for group in sorted(groups, key=lambda group: group.name)}
    return {UNGROUPED: tuple(sorted(chain.from_iterable(group.ids for group in groups)))}


def _stratified(
    groups: Sequence[_Group], shares: Sequence[float], rng: np.random.Generator
) -> list[list[_Group]]:
    """Groups by part; deterministic for a state of ``rng``."""
    shuffled = [groups[i] for i in rng.permutation(len(groups))]
    totals, spread = Counter[str](), Counter[str]()
    for group in shuffled:
        totals.update(group.strata)
        spread.update(group.strata.keys())
    # Of a kind, the largest groups first, while there is still room to make up for them.
    queues = {name: iter(_largest_first(shuffled, name)) for name in totals}
    lacking = [{name: share * n for name, n in totals.items()} for share in shares]
    room = [share * sum(len(group.ids) for group in groups) for share in shares]
    parts: list[list[_Group]] = [[] for _ in shares]
    shown: list[set[str]] = [set() for _ in shares]
    placed: set[str] = set()
    while len(placed) < len(groups):
        rarest = min(
            (name for name in spread if spread[name]),
            key=lambda name: (spread[name], totals[name], name),
        )
        group = next(group for group in queues[rarest] if group.name not in placed)
        part = _neediest(rarest, spread[rarest], shown, lacking, room)
        placed.add(group.name)
        parts[part].append(group)
        shown[part].update(group.strata)
        room[part] -= len(group.ids)
        spread.subtract(group.strata.keys())
        for name, n in group.strata.items():
            lacking[part][name] -= n
    return parts


def _largest_first(groups: Iterable[_Group], kind: str) -> list[_Group]:
    showing = [group for group in groups if kind in group.strata]
    return sorted(showing, key=lambda group: (-group.strata[kind], -len(group.ids)))


def _neediest(
    kind: str,
    groups_left: int,
    shown: Sequence[AbstractSet[str]],
    lacking: Sequence[Mapping[str, float]],
    room: Sequence[float],
) -> int:
    """The part that needs a group of this kind most.

    When no more groups show the kind than there are parts without it, those parts come first: a
    part that shows none of a kind can say nothing about it.
    """
    without = [
        part for part in _NEEDED_FIRST if lacking[part][kind] > 0.0 and kind not in shown[part]
    ]
    if without and groups_left <= len(without):
        return without[0]
    return max(range(len(shown)), key=lambda part: (lacking[part][kind], room[part]))


def _require_same_images(dataset: Dataset, split: Collection[str]) -> None:
    ids = {sample.id for sample in dataset.samples}
    new, gone = sorted(ids.difference(split)), sorted(set(split) - ids)
    if not new and not gone:
        return
    clauses = []
    if new:
        clauses.append(f"{len(new)} images of the dataset are not in the split, {new[0]} first")
    if gone:
        clauses.append(f"{len(gone)} images of the split are not in the dataset, {gone[0]} first")
    raise SplitError(
        "; ".join(clauses),
        where=dataset.root,
        remedy="Make the split anew with: flawscope data split DATASET",
    )


def _require_whole_groups(root: Path, samples: Iterable[Sample]) -> None:
    parts_of: dict[str, set[str | None]] = defaultdict(set)
    for sample in samples:
        if sample.group is not None:
            parts_of[sample.group].add(sample.split)
    torn = sorted(group for group, parts in parts_of.items() if len(parts) > 1)
    if torn:
        raise SplitError(
            f"{len(torn)} groups stand on both sides of the split, {torn[0]} first",
            where=root,
            remedy="Make the split anew with: flawscope data split DATASET",
        )
