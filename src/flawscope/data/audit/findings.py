"""What a look through a dataset found, in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import chain
from typing import Any

LISTED = 20
"""A finding names at most this many files, or sets of files."""


class Severity(StrEnum):
    """How bad a finding is.

    An error makes training or figures wrong; a warning may; a note is good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that was found.

    Attributes:
        code: of the kind of finding; never renamed once released.
        severity: how bad it is.
        message: what it is, in words.
        remedy: what to do about it.
        files: up to ``LISTED`` files it is about.
        reasons: of each of these what is wrong with it, where that differs.
        sets: up to ``LISTED`` sets of files that belong together.
        count: of all files it is about, listed or not.
    """

    code: str
    severity: Severity
    message: str
    remedy: str
    files: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    sets: tuple[tuple[str, ...], ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class Audit:
    """All that was found in a dataset.

    Attributes:
        dataset: name of its folder.
        layout: it was read as.
        why: what in the folder says that it has this layout; empty where the layout was named.
        images: number of images.
        findings: the most severe first.
        groups: by id, the group of each image: the dataset's own, or inferred.
        inferred: whether groups were inferred, as the dataset names none.
    """

    dataset: str
    layout: str
    why: str
    images: int
    findings: tuple[Finding, ...]
    groups: Mapping[str, str]
    inferred: bool

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(finding.severity == Severity.ERROR for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain values, ready for ``json.dumps``; groups are counted, not listed."""
        return {
            "dataset": self.dataset,
            "layout": self.layout,
            "why": self.why,
            "images": self.images,
            "groups": {"count": len(set(self.groups.values())), "inferred": self.inferred},
            "findings": [
                {**asdict(finding), "severity": finding.severity.value} for finding in self.findings
            ],
        }


def about_files(
    code: str, severity: Severity, message: str, remedy: str, files: Sequence[str]
) -> Finding:
    """A finding about files."""
    listed = tuple(files[:LISTED])
    return Finding(code, severity, message, remedy, listed, count=len(files))


def about_sets(
    code: str, severity: Severity, message: str, remedy: str, sets: Sequence[Sequence[str]]
) -> Finding:
    """A finding about sets of files; a set is cut short as the list is."""
    listed = tuple(tuple(ids[:LISTED]) for ids in sets[:LISTED])
    return Finding(code, severity, message, remedy, sets=listed, count=len(set(chain(*sets))))


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 image``, ``2 images``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def most_severe_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in order of severity; equals stay in the order they came in."""
    order = list(Severity)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))
