"""Parts, their defects and what was said of them, as truth and as prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

UNNAMED = "defect"
"""The kind of a defect that was located but that no known kind explains."""


class Label(StrEnum):
    """What is known about a whole part."""

    GOOD = "good"
    DEFECTIVE = "defective"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What is to be done with a part."""

    ACCEPT = "accept"
    REVIEW = "review"
    REJECT = "reject"


class Size(NamedTuple):
    """An image's size in pixels."""

    height: int
    width: int


class Box(NamedTuple):
    """A half-open box in pixels: columns ``left <= x < right``, rows ``top <= y < bottom``."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.bottom - self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array (height, width, ...) with."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def of_part(self, part: Box) -> Box:
        """Where a box given in this one's own pixels lies, in those that this one is given in."""
        return Box(
            self.left + part.left,
            self.top + part.top,
            self.left + part.right,
            self.top + part.bottom,
        )


@dataclass(frozen=True, slots=True)
class RunLengths:
    """A mask at rest: lengths of alternating runs of 0 and 1, column by column, 0 first.

    The order is COCO's (Lin et al. 2014), so that ``counts`` is COCO's uncompressed form as it
    stands. ``flawscope.masks`` turns it into arrays and back.
    """

    size: Size
    counts: tuple[int, ...]

    @property
    def area(self) -> int:
        """Number of pixels that are 1."""
        return sum(self.counts[1::2])


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect, labelled or found.

    Attributes:
        kind: name of its kind; ``UNNAMED`` where only its place is known.
        box: its half-open bounding box in pixels.
        mask: its pixels in the whole image; ``None`` where only the box is known.
        score: probability in [0, 1]; 1.0 for truth.
    """

    kind: str
    box: Box
    mask: RunLengths | None = None
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image of a dataset.

    "Looked at and clean" and "nobody looked" are different things, for places as for kinds:

    Attributes:
        id: POSIX path of the image relative to the dataset's root.
        image: the file itself.
        size: its size in pixels as displayed (after EXIF rotation).
        label: good, defective or unknown.
        defects: where the defects are. ``None``: nobody looked; ``()``: looked and clean.
        kinds: which kinds it shows. ``None``: nobody named them; ``()``: looked, none of them.
            Always the kinds of ``defects`` where those are known.
        group: images of one physical part (or wear series) share a group; never split apart.
        split: ``train``, ``validation`` or ``test`` where one was written down.
    """

    id: str
    image: Path
    size: Size
    label: Label
    defects: tuple[Defect, ...] | None = None
    kinds: tuple[str, ...] | None = None
    group: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """Samples of one folder and the vocabulary their labellers used.

    Attributes:
        root: the folder; ids of samples are relative to it.
        layout: name of the layout it was read as.
        kinds: every kind the labellers looked for, sorted. A kind outside this vocabulary was
            looked for by nobody.
        samples: the samples, in order of id.
        problems: files that had to be left out, each named, with the reason.
        why: what in the folder says that it has this layout; empty where the layout was named.
    """

    root: Path
    layout: str
    kinds: tuple[str, ...]
    samples: tuple[Sample, ...]
    problems: tuple[Problem, ...] = ()
    why: str = ""


class ProblemCode(StrEnum):
    """Sorts of problems, as ``data check`` calls them; never renamed once released."""

    SIZE_MISMATCH = "size-mismatch"
    EMPTY_MASK = "empty-mask"
    MISSING_FILE = "missing-file"
    MISSING_MASK = "missing-mask"
    MISSING_GROUP = "missing-group"
    UNREADABLE_FILE = "unreadable-file"
    CONTRADICTORY_LABEL = "contradictory-label"
    UNUSABLE_LABEL = "unusable-label"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one file: ``what`` it is (one sentence) and ``where`` (its path)."""

    where: str
    what: str
    code: ProblemCode = ProblemCode.UNUSABLE_LABEL


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a model says of one image.

    Attributes:
        id: name of the image, as the caller gave it.
        size: its size in pixels.
        verdict: accept, review or reject.
        score: probability in [0, 1] that the part is defective.
        kinds: probability in [0, 1] by kind, for every kind that the model knows.
        defects: the defects that passed the policy, highest score first.
        reasons: why, in words, most important first.
        model: sha256 of the model file that said so.
        seconds: wall time by stage.
    """

    id: str
    size: Size
    verdict: Verdict
    score: float
    kinds: Mapping[str, float]
    defects: tuple[Defect, ...]
    reasons: tuple[str, ...]
    model: str
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure estimated from data: its value, its 95 % interval, and what it rests on.

    ``value`` is ``None`` where the data cannot give it (an AUROC without good parts, say);
    ``low`` and ``high`` are ``None`` where no interval can be given. ``n`` counts images.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
