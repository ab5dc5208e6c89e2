"""``severstal``: Kaggle's steel tables of run lengths, in the three forms they go about in.

- ``ImageId_ClassId,EncodedPixels``: a row for each image and class, empty where it is not there;
- ``ImageId,ClassId,EncodedPixels``: rows of defects only. The other images under
  ``train_images``, or in a folder with images that are listed, are clean; all others were looked
  at by nobody. So it is with the first form where somebody has dropped its empty rows;
- ``fname,1,2,3,4,...``: a row for each image and a column for each class, ``0 0`` for none.

Run lengths say nothing of an image's size, so rows whose image is absent cannot be used: they are
problems that name it. The steel has classes 1 to 4, called by their numbers; other classes are
those that have a line in ``classes.txt``, which names them.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from flawscope.data.csv_text import csv_rows, csv_text
from flawscope.data.gathering import Gathering
from flawscope.data.kaggle import Entry, Table, form_of, parse_table
from flawscope.data.listing import Listing, stem_of
from flawscope.data.marks import Marks
from flawscope.data.naming import SPLIT_FOLDERS
from flawscope.data.runs import from_kaggle
from flawscope.data.sidecars import read_classes
from flawscope.errors import DatasetError, MaskError
from flawscope.masks import decode
from flawscope.values import UNNAMED, ProblemCode, Size

LOOKED_AT = "train_images"
"""The published folder of images whose defects the table lists."""

STEEL_CLASSES = ("1", "2", "3", "4")
"""Classes of a table beside which no ``classes.txt`` names others."""

_HEADER_BYTES = 4096
_PREDICTIONS = ("sample_submission", "submission")
"""What tables of what somebody predicted are called; they are no labels."""


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: a table with the columns of a form."""
    for name in _tables(listing):
        if form := _form(listing, name):
            return f"{name} has the columns of Kaggle run lengths in their {form} form"
    return None


def _form(listing: Listing, name: str) -> str | None:
    """The form of a table by its first row alone."""
    try:
        with listing.path(name).open("rb") as file:
            start = csv_text(file.read(_HEADER_BYTES), errors="replace")
        return form_of(next(csv_rows(start), []))
    except (OSError, csv.Error):
        return None


def _tables(listing: Listing) -> list[str]:
    return [
        name
        for name in listing.with_suffix(".csv")
        if not PurePosixPath(name).name.startswith(_PREDICTIONS)
    ]


def read(gathering: Gathering) -> None:
    """Reads every table that has one of the forms, then the images that none of them lists."""
    tables: dict[str, Table] = {}
    for name in _tables(gathering.listing):
        if not _form(gathering.listing, name):
            continue
        try:
            text = csv_text(gathering.listing.path(name).read_bytes())
            tables[name] = parse_table(text)
        except (OSError, UnicodeDecodeError) as error:
            gathering.note(name, f"cannot be read ({error})", ProblemCode.UNREADABLE_FILE)
        except DatasetError as error:
            gathering.note(name, error.what, ProblemCode.UNREADABLE_FILE)
    looked_for = read_classes(gathering.listing)
    gathering.kinds.update(looked_for)
    names = looked_for or STEEL_CLASSES
    kinds = {str(number): name for number, name in enumerate(names, 1)}
    splits = {name: _split(name) for name in tables}
    several = len(set(splits.values())) > 1
    for name, table in tables.items():
        gathering.kinds.update(kinds[class_] for class_ in table.classes if class_ in kinds)
        _Reading(gathering, name, table, kinds, splits[name] if several else None).add()
    gathering.add_all_unknown(gathering.listing.images)


def _split(name: str) -> str | None:
    return SPLIT_FOLDERS.get(stem_of(PurePosixPath(name).name).casefold())


class _Reading:
    """One table on its way into the gathering."""

    def __init__(
        self,
        gathering: Gathering,
        name: str,
        table: Table,
        kinds: Mapping[str, str],
        split: str | None,
    ) -> None:
        self._gathering = gathering
        self._name = name
        self._table = table
        self._kinds = kinds
        self._split = split
        self._spoilt = self._note_faults()

    def add(self) -> None:
        """Adds the images that the table lists, and where it lists defects alone the clean ones."""
        folders = set()
        for named, by_class in self._table.images.items():
            row = self._table.first_rows[named]
            image = self._gathering.resolve(named, self._name, row)
            if image is None or (size := self._gathering.size(image)) is None:
                continue
            folders.add(PurePosixPath(image).parent)
            if by_class or image not in self._spoilt:
                self._add_listed(image, size, by_class)
        self._note_strange_classes()
        if not self._table.complete:
            self._add_clean(folders)

    def _note_faults(self) -> set[str]:
        """Notes the rows that cannot be used; the images of which they may have said something."""
        spoilt: set[str] = set()
        for fault in self._table.faults:
            self._gathering.note(self._name, f"row {fault.row}: {fault.what}")
            if fault.image:
                spoilt.update(self._gathering.listing.find_image(fault.image, self._name))
        return spoilt

    def _note_strange_classes(self) -> None:
        """Notes classes that no row finds anywhere; where one does, that row is noted itself."""
        found = {class_ for by_class in self._table.images.values() for class_ in by_class}
        for class_, row in self._table.classes.items():
            if class_ not in self._kinds and class_ not in found:
                self._gathering.note(self._name, f"row {row}: {self._strange(class_)}")

    def _strange(self, class_: str) -> str:
        return (
            f"class {class_} is none of 1 to {len(self._kinds)}; where it is meant, name the"
            " classes in classes.txt, one a line"
        )

    def _add_listed(self, image: str, size: Size, by_class: Mapping[str, list[Entry]]) -> None:
        marks = Marks(self._gathering, image, size, self._name)
        for class_, entries in by_class.items():
            rows = " and ".join(str(entry.row) for entry in entries)
            marks.called = f"row {rows}: class {class_} of {image}"
            kind = self._kinds.get(class_)
            if kind is None:
                marks.lose(UNNAMED, self._strange(class_))
                continue
            try:
                marks.pieces(kind, _mask(entries, size))
            except MaskError as error:
                marks.lose(kind, error.what)
        if image in self._spoilt:
            marks.forget_places()
        marks.finish(self._split)

    def _add_clean(self, folders: set[PurePosixPath]) -> None:
        for image in self._gathering.listing.images:
            path = PurePosixPath(image)
            looked_at = path.parent in folders or path.parts[0] == LOOKED_AT
            if (
                looked_at
                and image not in self._gathering.samples
                and image not in self._spoilt
                and (size := self._gathering.size(image)) is not None
            ):
                self._gathering.add_good(image, size, split=self._split)


def _mask(entries: list[Entry], size: Size) -> NDArray[np.bool_]:
    """The pixels (height, width) of the rows of one image and class.

    Raises:
        MaskError: the run lengths of a row are none, or those of two rows overlap.
    """
    first, *rest = (decode(from_kaggle(entry.runs, size)) for entry in entries)
    for mask in rest:
        if (first & mask).any():
            raise MaskError("two runs overlap")
        first |= mask
    return first
