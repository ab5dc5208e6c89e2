"""What is wrong with files and labels, each on its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from flawscope.data.audit.findings import Finding, Severity, about_files, counted
from flawscope.data.audit.looks import Look
from flawscope.values import Dataset, Label, Problem, Sample

FEWEST_GROUPS = 3
"""A kind shown by fewer parts cannot stand in train, validation and test at once."""

FEW_IMAGES = 20
"""A kind shown by fewer images is learned badly, and judged with very wide intervals."""


class _Trouble(NamedTuple):
    """Problems of one sort: how a reader words them, and what they amount to."""

    words: re.Pattern[str]
    code: str
    severity: Severity
    noun: str
    message: str
    remedy: str


_TROUBLES = (
    _Trouble(
        re.compile(r"^the mask is \d+ x \d+ pixels"),
        "size-mismatch",
        Severity.ERROR,
        "mask",
        "not of the image's size",
        "Export them again at the image's size; until then nobody looked for places there",
    ),
    _Trouble(
        re.compile(r"mask is empty"),
        "empty-mask",
        Severity.WARNING,
        "mask",
        "empty though the image is labelled defective",
        "Draw the defect, or move the image to the good ones; until then it teaches no places",
    ),
    _Trouble(
        re.compile(r"does not exist|not an image of the dataset|that it lacks|no image belongs"),
        "missing-file",
        Severity.ERROR,
        "label",
        "of images that are not there",
        "Bring the images back, or delete their labels",
    ),
    _Trouble(
        re.compile(r"no mask belongs"),
        "missing-mask",
        Severity.WARNING,
        "image",
        "labelled defective but without a mask",
        "Draw the masks, or accept that these images teach no places",
    ),
    _Trouble(
        re.compile(r"damaged|the file is empty|not an image|cannot be read|over the limit"),
        "unreadable-file",
        Severity.ERROR,
        "file",
        "that cannot be read",
        "Copy them again from their source, or delete them",
    ),
    _Trouble(
        re.compile(r"which could be|labels already|places say|of good|names no group"),
        "contradictory-label",
        Severity.WARNING,
        "label",
        "contradicted by another, or fitting several images",
        "Decide which is right and delete the other",
    ),
)

_OTHER = _Trouble(
    re.compile(""),
    "unusable-label",
    Severity.WARNING,
    "label",
    "that cannot be used as they stand",
    "Correct the label files named",
)


def troubles(problems: Iterable[Problem]) -> Iterator[Finding]:
    """One finding for each sort of problem."""
    sorts: dict[_Trouble, list[str]] = defaultdict(list)
    for problem in problems:
        sort = next((sort for sort in _TROUBLES if sort.words.search(problem.what)), _OTHER)
        sorts[sort].append(f"{problem.where}: {problem.what}")
    for sort in (*_TROUBLES, _OTHER):
        if files := list(dict.fromkeys(sorts.get(sort, []))):
            message = counted(len(files), sort.noun) + " " + sort.message
            yield about_files(sort.code, sort.severity, message, sort.remedy, files)


def misfits(samples: Iterable[Sample], looks: Mapping[str, Look]) -> Iterator[Problem]:
    """A problem for each mask that is not of its image's size as decoded."""
    for sample in samples:
        size = looks[sample.id].size if sample.id in looks else sample.size
        masks = {defect.mask.size for defect in sample.defects or () if defect.mask is not None}
        for mask in sorted(masks - {size}):
            yield Problem(
                sample.id,
                f"the mask is {mask.width} x {mask.height} pixels,"
                f" its image {size.width} x {size.height}",
            )


def balance(dataset: Dataset, groups: Mapping[str, str]) -> Iterator[Finding]:
    """Findings about what is shown too seldom to be learned or judged."""
    images: dict[str, list[str]] = {kind: [] for kind in dataset.kinds}
    for sample in dataset.samples:
        for kind in set(sample.kinds or ()):
            images.setdefault(kind, []).append(sample.id)
    for kind, ids in sorted(images.items()):
        parts = len({groups[id_] for id_ in ids})
        if parts < FEWEST_GROUPS or len(ids) < FEW_IMAGES:
            yield about_files(
                "few-examples",
                Severity.WARNING,
                f"kind {kind} is shown by only {counted(len(ids), 'image')}"
                f" of {counted(parts, 'part')}",
                f"Collect more parts with {kind}; three parts are the least that can be split",
                ids,
            )
    yield from _labels(dataset)


def _labels(dataset: Dataset) -> Iterator[Finding]:
    ids: dict[Label, list[str]] = defaultdict(list)
    for sample in dataset.samples:
        ids[sample.label].append(sample.id)
    if unknown := ids[Label.UNKNOWN]:
        yield about_files(
            "unlabelled",
            Severity.NOTE,
            f"{counted(len(unknown), 'image')} without a label: nobody looked",
            "Label them, or accept that nothing is learned from them",
            unknown,
        )
    if ids[Label.DEFECTIVE] and not ids[Label.GOOD]:
        yield about_files(
            "no-good-parts",
            Severity.WARNING,
            "no image is labelled good, so no figure can say how many good parts are rejected",
            "Add photographs of good parts, taken like the others",
            [],
        )
    if ids[Label.GOOD] and not ids[Label.DEFECTIVE]:
        yield about_files(
            "no-defective-parts",
            Severity.WARNING,
            "no image is labelled defective, so nothing can be learned",
            "Add photographs of defective parts, taken like the others",
            [],
        )
