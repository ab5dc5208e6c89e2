"""What readers share: collecting samples and problems while a dataset is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from flawscope.data.listing import Listing
from flawscope.data.naming import MASK_FOLDERS
from flawscope.data.progress import Progress, silent
from flawscope.errors import ImageError
from flawscope.images import open_mask, read_size
from flawscope.masks import components, encode_at
from flawscope.values import Defect, Label, Problem, ProblemCode, Sample, Size

INSIDE = 128
"""A mask pixel of this value or above belongs to the defect."""

_NUMBERS, _FEWEST = 15, 16
"""So many pixels of values no higher number kinds, or say yes by a 1: they are no faint mask."""


@dataclass
class Gathering:
    """Samples and problems found so far in one dataset.

    Attributes:
        listing: the dataset's files.
        samples: by id.
        kinds: the vocabulary of the labellers.
        problems: files left out, or labels that could not be used, with the reason.
        progress: told of every image and mask opened, of all there are.
    """

    listing: Listing
    samples: dict[str, Sample] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    progress: Progress = silent
    _unreadable: set[str] = field(default_factory=set)
    _opened: set[str] = field(default_factory=set)

    def note(self, where: str, what: str, code: ProblemCode = ProblemCode.UNUSABLE_LABEL) -> None:
        """Adds a problem with one file."""
        self.problems.append(Problem(where, what, code))

    def resolve(self, named: str, label_file: str, row: int | None = None) -> str | None:
        """The image that a label file (in one of its rows) names.

        ``None``, and a problem, without exactly one. An image that was labelled already is a
        problem too.
        """
        found = self.listing.find_image(named, label_file)
        if len(found) == 1 and found[0] not in self.samples:
            return found[0]
        code = ProblemCode.CONTRADICTORY_LABEL
        if not found:
            code = ProblemCode.MISSING_FILE
            what = f"names the image {named}, which does not exist"
        elif len(found) == 1:
            what = f"labels {found[0]}, which another file or row labels already"
        else:
            what = f"names the image {named}, which could be {' or '.join(sorted(found)[:3])}"
        self.note(label_file, what if row is None else f"row {row}: {what}", code)
        return None

    def size(self, image: str) -> Size | None:
        """The size of an image; ``None``, and a problem the first time, where it is unreadable."""
        if image in self._unreadable:
            return None
        self._tell(image)
        try:
            return read_size(self.listing.path(image))
        except ImageError as error:
            self._unreadable.add(image)
            self.note(image, error.what, ProblemCode.UNREADABLE_FILE)
            return None

    def mask(self, name: str, size: Size) -> NDArray[np.bool_] | None:
        """The mask of a file; ``None``, and a problem, where it is unreadable or misfits."""
        self._tell(name)
        try:
            values = open_mask(self.listing.path(name))
        except ImageError as error:
            self.note(name, error.what, ProblemCode.UNREADABLE_FILE)
            return None
        if values.shape != size:
            height, width = values.shape
            self.note(
                name,
                f"the mask is {width} x {height} pixels, its image {size.width} x {size.height}",
                ProblemCode.SIZE_MISMATCH,
            )
            return None
        highest = values.max(initial=0)
        if 0 < highest <= _NUMBERS and np.count_nonzero(values) >= _FEWEST:
            self.note(name, f"no value of the mask is over {highest}; inside is from {INSIDE} on")
            return None
        return values >= INSIDE

    def _tell(self, name: str) -> None:
        self._opened.add(name)
        self.progress("reading labels", len(self._opened), len(self.listing.images))

    def add(self, sample: Sample) -> None:
        """Adds a sample."""
        self.samples[sample.id] = sample

    def add_good(self, image: str, size: Size, *, split: str | None = None) -> None:
        """Adds an image that was looked at and is clean."""
        path = self.listing.path(image)
        self.add(Sample(image, path, size, Label.GOOD, (), (), split=split))

    def add_unknown(self, image: str, size: Size, *, split: str | None = None) -> None:
        """Adds an image that nobody looked at."""
        path = self.listing.path(image)
        self.add(Sample(image, path, size, Label.UNKNOWN, split=split))

    def add_defective(
        self,
        image: str,
        size: Size,
        kinds: Iterable[str] | None,
        *,
        split: str | None = None,
    ) -> None:
        """Adds an image that shows defects, where nobody can say where."""
        named = None if kinds is None else tuple(sorted(set(kinds)))
        path = self.listing.path(image)
        self.add(Sample(image, path, size, Label.DEFECTIVE, None, named, split=split))

    def add_located(
        self, image: str, size: Size, defects: Iterable[Defect], *, split: str | None = None
    ) -> None:
        """Adds an image that was looked at, with the defects that were found; none: it is good."""
        found = tuple(defects)
        label = Label.DEFECTIVE if found else Label.GOOD
        kinds = tuple(sorted({defect.kind for defect in found}))
        path = self.listing.path(image)
        self.add(Sample(image, path, size, label, found, kinds, split=split))

    def add_all_unknown(self, images: Iterable[str]) -> None:
        """Adds the images that no label speaks of, but for masks: nobody looked at them."""
        for image in images:
            folders = {part.casefold() for part in image.split("/")[:-1]}
            if image in self.samples or folders & MASK_FOLDERS:
                continue
            if (size := self.size(image)) is not None:
                self.add_unknown(image, size)


def defects_in(mask: NDArray[np.bool_], kind: str) -> tuple[Defect, ...]:
    """One defect for each 8-connected piece of a boolean mask (height, width)."""
    size = Size(*mask.shape)
    return tuple(
        Defect(kind, piece.box, encode_at(piece.pixels, piece.box, size))
        for piece in components(mask)
    )
