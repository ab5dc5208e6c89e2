"""Kaggle's tables of run lengths as text: which form one has, and what each of its rows says."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from flawscope.data.csv_text import csv_rows
from flawscope.data.runs import NOTHING
from flawscope.errors import DatasetError

_LARGEST_FIELD = 2**24


class Entry(NamedTuple):
    """One row's run lengths of one image and class; ``row`` counts from 1, the titles' row."""

    row: int
    runs: str


class Fault(NamedTuple):
    """A row that cannot be used: its number, the image that it seems to name, and why."""

    row: int
    image: str
    what: str


@dataclass
class Table:
    """What a table says.

    Attributes:
        form: ``joined``, ``long`` or ``wide``.
        images: by image, its entries by class; an image without any was looked at and is clean.
        first_rows: by image, the first row that names it.
        classes: by class that was looked for, the first row that names it.
        faults: the rows left out.
        says_nothing: whether some row says that a class is not there.
    """

    form: str
    images: dict[str, dict[str, list[Entry]]] = field(default_factory=dict)
    first_rows: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    says_nothing: bool = False

    @property
    def complete(self) -> bool:
        """Whether an image that is not listed was not looked at, or else is clean.

        A joined table of nothing but defects is one whose empty rows somebody has dropped.
        """
        return self.form == "wide" or (self.form == "joined" and self.says_nothing)

    def add(self, image: str, class_: str, entry: Entry) -> None:
        """Adds one entry; several of one image and class are one mask."""
        self.classes.setdefault(class_, 1 if self.form == "wide" else entry.row)
        self.first_rows.setdefault(image, entry.row)
        of_image = self.images.setdefault(image, {})
        if entry.runs.strip().lower() in NOTHING:
            self.says_nothing = True
        else:
            of_image.setdefault(class_, []).append(entry)


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
    """The table of a CSV text; rows that do not fit it are among its faults.

    Raises:
        DatasetError: its first row is none of the three forms, or it is not CSV.
    """
    csv.field_size_limit(_LARGEST_FIELD)
    rows = csv_rows(text)
    try:
        header = next(rows, [])
        form = form_of(header)
        if form is None:
            raise DatasetError(f"columns {', '.join(header[:6])} are no form of Kaggle run lengths")
        table = Table(form)
        names = [name.strip().casefold() for name in header]
        for number, row in enumerate(rows, 2):
            if row:
                _add_row(table, names, number, row)
    except csv.Error as error:
        raise DatasetError(f"not valid CSV ({error})") from error
    return table


def _add_row(table: Table, names: list[str], number: int, row: list[str]) -> None:
    if len(row) != len(names):
        place = names.index("imageid") if table.form == "long" else 0
        if table.form == "joined":
            place = names.index("imageid_classid")
        named = row[place].strip() if place < len(row) else ""
        image = named.rpartition("_")[0] if table.form == "joined" else named
        what = f"{named or 'it'} has {len(row)} fields, not {len(names)}"
        table.faults.append(Fault(number, image, what))
        return
    for image, class_, runs in _entries(table.form, dict(zip(names, row, strict=True))):
        if image and class_:
            table.add(image, class_, Entry(number, runs))
        else:
            named = image or class_
            table.faults.append(Fault(number, named, f"{named!r} names no image with a class"))


def _entries(form: str, row: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """The image, class and run lengths that a row gives."""
    if form == "joined":
        image, _, class_ = row["imageid_classid"].strip().rpartition("_")
        yield image, class_, row["encodedpixels"]
    elif form == "long":
        yield row["imageid"].strip(), row["classid"].strip(), row["encodedpixels"]
    else:
        image = next(iter(row.values())).strip()
        for name, runs in row.items():
            if name.isdecimal():
                yield image, name, runs
