"""What is wrong with files and labels, each on its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from flawscope.data.audit.findings import Finding, Severity, about_files, counted
from flawscope.data.audit.looks import Look
from flawscope.values import Dataset, Label, Problem, ProblemCode, Sample

FEWEST_GROUPS = 3
"""A kind shown by fewer parts cannot stand in train, validation and test at once."""

FEW_IMAGES = 20
"""A kind shown by fewer images is learned badly, and judged with very wide intervals."""


class _Trouble(NamedTuple):
    """What problems of one sort amount to, after their number and noun."""

    severity: Severity
    noun: str
    message: str
    remedy: str


_TROUBLES = {
    ProblemCode.SIZE_MISMATCH: _Trouble(
        Severity.ERROR,
        "label",
        "made for another size than the image's",
        "Export them again at the image's size; until then nobody looked for places there",
    ),
    ProblemCode.EMPTY_MASK: _Trouble(
        Severity.WARNING,
        "mask",
        "empty though the image is labelled defective",
        "Draw the defect, or move the image to the good ones; until then it teaches no places",
    ),
    ProblemCode.MISSING_FILE: _Trouble(
        Severity.ERROR,
        "label",
        "of images that are not there",
        "Bring the images back, or delete their labels",
    ),
    ProblemCode.MISSING_MASK: _Trouble(
        Severity.WARNING,
        "image",
        "labelled defective but without a mask",
        "Draw the masks, or accept that these images teach no places",
    ),
    ProblemCode.MISSING_GROUP: _Trouble(
        Severity.WARNING,
        "list",
        "of groups that leaves images out",
        "Name their groups, or accept that these are inferred",
    ),
    ProblemCode.UNREADABLE_FILE: _Trouble(
        Severity.ERROR,
        "file",
        "that cannot be read",
        "Copy them again from their source, or delete them",
    ),
    ProblemCode.CONTRADICTORY_LABEL: _Trouble(
        Severity.WARNING,
        "label",
        "contradicted by another, or fitting several images",
        "Decide which is right and delete the other",
    ),
    ProblemCode.UNUSABLE_LABEL: _Trouble(
        Severity.WARNING,
        "label",
        "not to be used as written",
        "Correct the label files named",
    ),
}


def troubles(problems: Iterable[Problem]) -> Iterator[Finding]:
    """One finding for each sort of problem."""
    found: dict[ProblemCode, list[tuple[str, str]]] = defaultdict(list)
    for problem in problems:
        found[problem.code].append((problem.where, problem.what))
    for code, sort in _TROUBLES.items():
        if named := list(dict.fromkeys(found[code])):
            message = f"{counted(len(named), sort.noun)} {sort.message}"
            files, reasons = zip(*named, strict=True)
            finding = about_files(code.value, sort.severity, message, sort.remedy, files)
            yield replace(finding, reasons=reasons[: len(finding.files)])


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
                ProblemCode.SIZE_MISMATCH,
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
            yield Finding(
                "few-examples",
                Severity.WARNING,
                f"kind {kind} is shown by only {counted(len(ids), 'image')}"
                f" of {counted(parts, 'part')}",
                f"Collect more parts with {kind}; three parts are the least that can be split",
                count=len(ids),
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
