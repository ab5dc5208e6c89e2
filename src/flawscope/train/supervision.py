"""What a labelled image can teach: three, two or one of the cascade's questions.

Channel 0 is "any defect at all"; the kinds follow. Nothing is taught that nobody looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from flawscope.masks import decode
from flawscope.train.recipe import Recipe
from flawscope.values import UNNAMED, Dataset, Defect, Label, Sample

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


def plan(datasets: Sequence[Dataset], recipe: Recipe) -> Curriculum:
    """Lessons from split datasets, kinds renamed as the recipe says.

    Samples of unknown label and samples of no split teach nothing and are left out.
    """
    renames = {data.root.name: recipe.rename.get(data.root.name, {}) for data in datasets}
    kinds = sorted(
        {
            name
            for data in datasets
            for kind in data.kinds
            if (name := renames[data.root.name].get(kind, kind)) is not None and name != UNNAMED
        }
    )
    lessons: dict[str, list[Lesson]] = {"train": [], "validation": [], "test": []}
    for data in datasets:
        rename = renames[data.root.name]
        looked_for = {rename.get(kind, kind) for kind in data.kinds}
        vocabulary = tuple(index for index, kind in enumerate(kinds) if kind in looked_for)
        for sample in data.samples:
            if sample.label is not Label.UNKNOWN and sample.split in lessons:
                renamed = _renamed(sample, rename)
                lessons[sample.split].append(Lesson(renamed, data.root.name, vocabulary))
    return Curriculum(tuple(kinds), {split: tuple(some) for split, some in lessons.items()})


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


def places(lesson: Lesson, kinds: Sequence[str]) -> NDArray[np.uint8]:
    """What is known of every pixel: uint8 (1 + k, height, width).

    A good part is clean of every kind, also of kinds that its labellers had no name for. On a
    defective part such a kind is known to be absent only where no defect is.
    """
    sample = lesson.sample
    channels = 1 + len(kinds)
    if sample.label is Label.GOOD:
        return np.full((channels, *sample.size), CLEAN, dtype=np.uint8)
    if sample.defects is None or not sample.defects:
        return np.full((channels, *sample.size), UNKNOWN, dtype=np.uint8)
    known = np.full((channels, *sample.size), CLEAN, dtype=np.uint8)
    index = {kind: number for number, kind in enumerate(kinds, start=1)}
    for defect in sample.defects:
        _mark(known[0], defect)
        if defect.kind in index:
            _mark(known[index[defect.kind]], defect)
    named = {number + 1 for number in lesson.vocabulary}
    unnamed = any(defect.kind not in index for defect in sample.defects)
    for channel in range(1, channels):
        if unnamed or channel not in named:
            known[channel][(known[0] != CLEAN) & (known[channel] == CLEAN)] = UNKNOWN
    return known


def _mark(channel: NDArray[np.uint8], defect: Defect) -> None:
    if defect.mask is not None:
        channel[decode(defect.mask)] = DEFECT
        return
    inside = channel[defect.box.top : defect.box.bottom, defect.box.left : defect.box.right]
    inside[inside == CLEAN] = SOMEWHERE


def answers(lesson: Lesson, kinds: Sequence[str]) -> NDArray[np.float32]:
    """Answers to the first two questions for the whole image: float32 (1 + k), NaN = unknown."""
    sample = lesson.sample
    known = np.full(1 + len(kinds), np.nan, dtype=np.float32)
    known[0] = float(sample.label is Label.DEFECTIVE)
    if sample.label is Label.GOOD:
        known[:] = 0.0
    elif sample.kinds is not None:
        for number in lesson.vocabulary:
            known[number + 1] = float(kinds[number] in sample.kinds)
    return known
