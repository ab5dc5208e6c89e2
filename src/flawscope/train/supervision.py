"""What a labelled image can teach: three, two or one of the cascade's questions.

Channel 0 is "any defect at all"; the kinds follow. Nothing is taught that nobody looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flawscope.masks import decode_at
from flawscope.train.recipe import Recipe
from flawscope.values import UNNAMED, Dataset, Defect, Label, Sample, Size

CLEAN, DEFECT, SOMEWHERE, UNKNOWN = range(4)
"""What is known of a pixel: clean, defect, inside a box that holds a defect, nothing."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A sample and the kinds that its labellers looked for.

    Attributes:
        sample: with kinds named as the model names them.
        dataset: name of the folder it comes from.
        vocabulary: indices into the model's kinds.
    """

    sample: Sample
    dataset: str
    vocabulary: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Curriculum:
    """All lessons of some datasets, by part of the split, and the model's kinds."""

    kinds: tuple[str, ...]
    lessons: Mapping[str, tuple[Lesson, ...]]


def plan(
    datasets: Sequence[Dataset], recipe: Recipe, kinds: Sequence[str] | None = None
) -> Curriculum:
    """Lessons from split datasets, kinds renamed as the recipe says.

    Samples of unknown label and samples of no split teach nothing and are left out.

    Args:
        datasets: each sample with its part of the split.
        recipe: its ``rename`` is used.
        kinds: of the model, if it is one that exists; by default those of the datasets. A defect
            of any other kind is one of no known kind.
    """
    renames = {data.root.name: _names(data, recipe, kinds) for data in datasets}
    if kinds is None:
        names = {name for rename in renames.values() for name in rename.values()}
        kinds = sorted(name for name in names - {UNNAMED} if name is not None)
    lessons: dict[str, list[Lesson]] = {"train": [], "validation": [], "test": []}
    for data in datasets:
        rename = renames[data.root.name]
        looked_for = set(rename.values())
        vocabulary = tuple(index for index, kind in enumerate(kinds) if kind in looked_for)
        for sample in data.samples:
            if sample.label is not Label.UNKNOWN and sample.split in lessons:
                renamed = _renamed(sample, rename)
                lessons[sample.split].append(Lesson(renamed, data.root.name, vocabulary))
    return Curriculum(tuple(kinds), {split: tuple(some) for split, some in lessons.items()})


def _names(data: Dataset, recipe: Recipe, known: Sequence[str] | None) -> dict[str, str | None]:
    """What each kind of a dataset is called in the model; ``None``: it has no name there."""
    rename = recipe.rename.get(data.root.name, {})
    names = {kind: rename.get(kind, kind) for kind in data.kinds}
    return {kind: name if known is None or name in known else None for kind, name in names.items()}


def _renamed(sample: Sample, rename: Mapping[str, str | None]) -> Sample:
    def name(kind: str) -> str:
        return rename.get(kind, kind) or UNNAMED

    defects = sample.defects
    if defects is not None:
        defects = tuple(replace(defect, kind=name(defect.kind)) for defect in defects)
    kinds = sample.kinds
    if kinds is not None:
        kinds = tuple(sorted({name(kind) for kind in kinds} - {UNNAMED}))
    return replace(sample, defects=defects, kinds=kinds)


def places(lesson: Lesson, kinds: Sequence[str]) -> tuple[NDArray[np.uint8], ...]:
    """What is known of every pixel: 1 + k channels, each uint8 (height, width).

    A good part is clean of every kind, also of kinds that its labellers had no name for. On a
    defective part such a kind is known to be absent only where no defect is. Channels of which the
    same is known are one array, so that many kinds take little memory.
    """
    sample = lesson.sample
    if sample.label is Label.GOOD:
        return (np.full(sample.size, CLEAN, dtype=np.uint8),) * (1 + len(kinds))
    if not sample.defects:
        return (np.full(sample.size, UNKNOWN, dtype=np.uint8),) * (1 + len(kinds))
    anything = _marked(sample.defects, sample.size)
    unlooked = np.where(anything == CLEAN, CLEAN, UNKNOWN).astype(np.uint8)
    absent = np.full(sample.size, CLEAN, dtype=np.uint8)
    if any(defect.kind not in kinds for defect in sample.defects):
        absent = unlooked  # The defect of no name may be of this kind.
    by_kind: dict[str, list[Defect]] = {}
    for defect in sample.defects:
        by_kind.setdefault(defect.kind, []).append(defect)
    looked_for = {kinds[number] for number in lesson.vocabulary}
    channels = [anything]
    for kind in kinds:
        if kind in by_kind:
            own = _marked(by_kind[kind], sample.size)
            channels.append(np.where(own == CLEAN, absent, own))
        else:
            channels.append(absent if kind in looked_for else unlooked)
    return tuple(channels)


def _marked(defects: Iterable[Defect], size: Size) -> NDArray[np.uint8]:
    channel = np.full(size, CLEAN, dtype=np.uint8)
    for defect in defects:
        box = defect.box
        inside = channel[box.top : box.bottom, box.left : box.right]
        if defect.mask is not None:
            inside[decode_at(defect.mask, box)] = DEFECT
        else:
            inside[inside == CLEAN] = SOMEWHERE
    return channel


def answers(lesson: Lesson, kinds: Sequence[str]) -> NDArray[np.float32]:
    """Answers to the first two questions for the whole image: float32 (1 + k), NaN = unknown.

    No kind is known to be absent where a defect of no known kind was located: it may be of that.
    """
    sample = lesson.sample
    known = np.full(1 + len(kinds), np.nan, dtype=np.float32)
    known[0] = float(sample.label is Label.DEFECTIVE)
    if sample.label is Label.GOOD:
        known[:] = 0.0
    elif sample.kinds is not None:
        all_named = all(defect.kind in kinds for defect in sample.defects or ())
        for number in lesson.vocabulary:
            shown = kinds[number] in sample.kinds
            if shown or all_named:
                known[number + 1] = float(shown)
    return known
