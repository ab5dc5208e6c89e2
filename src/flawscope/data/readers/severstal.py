"""``severstal``: Kaggle's steel tables of run lengths, in the three forms they go about in.

- ``ImageId_ClassId,EncodedPixels``: a row for each image and class, empty where it is not there;
- ``ImageId,ClassId,EncodedPixels``: rows of defects only. The other images under
  ``train_images``, or in a folder with images that are listed, are clean; all others were looked
  at by nobody;
- ``fname,1,2,3,4,...``: a row for each image and a column for each class, ``0 0`` for none.

Run lengths say nothing of an image's size, so rows whose image is absent cannot be used: they are
problems that name it. Classes are called by their numbers, or by the lines of ``classes.txt``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, stem_of
from flawscope.data.marks import Marks
from flawscope.data.naming import SPLIT_FOLDERS
from flawscope.data.runs import NOTHING, from_kaggle
from flawscope.data.sidecars import read_classes
from flawscope.errors import DatasetError, MaskError
from flawscope.masks import decode
from flawscope.values import ProblemCode, Size

LOOKED_AT = "train_images"
"""The published folder of images whose defects the table lists."""

_LARGEST_FIELD = 2**24
_HEADER_BYTES = 4096


@dataclass
class Table:
    """What a table says: run lengths by image and class, and every class that was looked for.

    ``complete`` tells whether an image that is not listed was not looked at; otherwise the table
    lists defects alone.
    """

    complete: bool
    classes: set[str] = field(default_factory=set)
    rows: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, image: str, class_: str, runs: str) -> None:
        """Adds run lengths; several rows of one image and class are one mask."""
        self.classes.add(class_)
        of_image = self.rows.setdefault(image, {})
        if runs.strip().lower() not in NOTHING:
            of_image[class_] = f"{of_image.get(class_, '')} {runs}".strip()


def form_of(header: list[str]) -> str | None:
    """Which form a table has by its first row: ``joined``, ``long`` or ``wide``; or none."""
    names = [name.strip().casefold() for name in header]
    if {"imageid_classid", "encodedpixels"} <= set(names):
        return "joined"
    if {"imageid", "classid", "encodedpixels"} <= set(names):
        return "long"
    if names[:1] in (["fname"], ["imageid"], ["filename"]) and any(map(str.isdecimal, names)):
        return "wide"
    return None


def parse_table(text: str) -> Table:
    """The table of a CSV text.

    Raises:
        DatasetError: its first row is none of the three forms, or a row does not fit it.
    """
    csv.field_size_limit(_LARGEST_FIELD)
    rows = csv.reader(io.StringIO(text))
    try:
        header = next(rows, [])
        form = form_of(header)
        if form is None:
            raise DatasetError(f"columns {', '.join(header[:6])} are no form of Kaggle run lengths")
        table = Table(complete=form != "long")
        names = [name.strip().casefold() for name in header]
        for number, row in enumerate(rows, 2):
            if len(row) > len(names) or (row and len(row) < len(names)):
                raise DatasetError(f"row {number} has {len(row)} fields, not {len(names)}")
            if row:
                for image, class_, runs in _entries(form, dict(zip(names, row, strict=True))):
                    table.add(image, class_, runs)
    except csv.Error as error:
        raise DatasetError(f"not valid CSV ({error})") from error
    return table


def _entries(form: str, row: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """The image, class and run lengths that a row gives."""
    if form == "joined":
        image, _, class_ = row["imageid_classid"].rpartition("_")
        yield image, class_, row["encodedpixels"]
    elif form == "long":
        yield row["imageid"], row["classid"].strip(), row["encodedpixels"]
    else:
        image = next(iter(row.values()))
        for name, runs in row.items():
            if name.isdecimal():
                yield image, name, runs


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
            first = file.readline(_HEADER_BYTES).decode("utf-8-sig", errors="replace")
    except OSError:
        return None
    return form_of(next(csv.reader([first]), []))


def _tables(listing: Listing) -> list[str]:
    """Tables that may hold labels; a sample submission holds made-up ones."""
    return [
        name
        for name in listing.with_suffix(".csv")
        if not PurePosixPath(name).name.startswith("sample_submission")
    ]


def read(gathering: Gathering) -> None:
    """Reads every table that has one of the forms, then the images that none of them lists."""
    tables: dict[str, Table] = {}
    for name in _tables(gathering.listing):
        if not _form(gathering.listing, name):
            continue
        try:
            text = gathering.listing.path(name).read_text(encoding="utf-8-sig")
            tables[name] = parse_table(text)
        except (OSError, UnicodeDecodeError) as error:
            gathering.note(name, f"cannot be read ({error})", ProblemCode.UNREADABLE_FILE)
        except DatasetError as error:
            gathering.note(name, error.what, ProblemCode.UNREADABLE_FILE)
    kinds = {str(n): name for n, name in enumerate(read_classes(gathering.listing), 1)}
    splits = {name: _split(name) for name in tables}
    several = len(set(splits.values())) > 1
    for name, table in tables.items():
        gathering.kinds.update(kinds.get(class_, class_) for class_ in table.classes)
        _add(gathering, name, table, kinds, splits[name] if several else None)
    gathering.add_all_unknown(gathering.listing.images)


def _split(name: str) -> str | None:
    return SPLIT_FOLDERS.get(stem_of(PurePosixPath(name).name).casefold())


def _add(
    gathering: Gathering, name: str, table: Table, kinds: dict[str, str], split: str | None
) -> None:
    folders = set()
    for named, runs in table.rows.items():
        image = gathering.resolve(named, name)
        if image is None or (size := gathering.size(image)) is None:
            continue
        folders.add(PurePosixPath(image).parent)
        marks = Marks(gathering, image, size, name)
        for class_, text in runs.items():
            marks.called = f"class {class_} of {image}"
            _mark(marks, kinds.get(class_, class_), text, size)
        marks.finish(split)
    if table.complete:
        return
    for image in gathering.listing.images:
        path = PurePosixPath(image)
        looked_at = path.parent in folders or path.parts[0] == LOOKED_AT
        if (
            looked_at
            and image not in gathering.samples
            and (size := gathering.size(image)) is not None
        ):
            gathering.add_good(image, size, split=split)


def _mark(marks: Marks, kind: str, text: str, size: Size) -> None:
    try:
        marks.pieces(kind, decode(from_kaggle(text, size)))
    except MaskError as error:
        marks.lose(kind, error.what)
