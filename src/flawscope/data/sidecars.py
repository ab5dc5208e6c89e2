"""Small files at a dataset's root that say, in any layout, what the layout has no place for.

- ``groups.csv``: a first row of titles, then image id and the name of the part it shows;
- ``labels.csv``: titles ``image,label,split,kinds``, then a row an image: good, defective or
  unknown, the part of the split, and its kinds, one a column. An empty cell says nothing;
- ``classes.txt``: the kinds that labellers looked for, one a line.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from flawscope.data.csv_text import csv_rows, csv_text
from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, tidy
from flawscope.data.naming import SPLIT_FOLDERS, kind_name
from flawscope.values import Label, ProblemCode, Sample

GROUPS_FILE = "groups.csv"
LABELS_FILE = "labels.csv"
CLASSES_FILE = "classes.txt"
SIDECARS = (GROUPS_FILE, LABELS_FILE, CLASSES_FILE)
LABELS_TITLES = ("image", "label", "split", "kinds")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What a labels file says of one image; ``None`` where it says nothing."""

    image: str
    label: Label | None = None
    split: str | None = None
    kinds: tuple[str, ...] | None = None


def parse_groups(text: str) -> dict[str, str]:
    """Groups by image id from the text of a groups file; empty for an image that has none."""
    rows = list(csv_rows(text))[1:]
    return {tidy(row[0]): row[1].strip() for row in rows if len(row) > 1}


def parse_labels(text: str) -> list[LabelRow]:
    """The rows of a labels file; none where its titles are others, for it is another's file.

    Raises:
        ValueError: a label or split is none that is known.
    """
    rows = csv_rows(text)
    if tuple(next(rows, ())) != LABELS_TITLES:
        return []
    return [_label_row(row) for row in rows if row]


def _label_row(row: list[str]) -> LabelRow:
    image, label, split, *kinds = row + [""] * (len(LABELS_TITLES) - len(row))
    if split and split not in SPLIT_FOLDERS.values():
        raise ValueError(f"{split!r} is not train, validation or test")
    named = tuple(sorted({kind_name(kind) for kind in kinds if kind.strip()}))
    return LabelRow(tidy(image), Label(label) if label else None, split or None, named or None)


def format_groups(groups: Iterable[tuple[str, str]]) -> str:
    """The text of a groups file from pairs of image id and group."""
    return _format(("image", "group"), groups)


def format_labels(rows: Iterable[LabelRow]) -> str:
    """The text of a labels file."""
    cells = ((row.image, row.label or "", row.split or "", *(row.kinds or ("",))) for row in rows)
    return _format(LABELS_TITLES, cells)


def _format(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows(rows)
    return text.getvalue()


def read_classes(listing: Listing) -> tuple[str, ...]:
    """The lines of ``classes.txt``; empty where there is none that can be read.

    An empty line between others is of a class without a name.
    """
    if CLASSES_FILE not in listing.files:
        return ()
    try:
        text = listing.path(CLASSES_FILE).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(kind_name(line) for line in text.strip().splitlines())


def set_groups(gathering: Gathering) -> None:
    """Sets the groups of samples by the groups file, if there is one."""
    if (text := _text(gathering, GROUPS_FILE)) is None:
        return
    try:
        groups = parse_groups(text)
    except csv.Error as error:
        gathering.note(GROUPS_FILE, f"cannot be read ({error})", ProblemCode.UNREADABLE_FILE)
        return
    ids = {tidy(id_): id_ for id_ in gathering.samples}
    for named, group in groups.items():
        if named in ids:
            gathering.add(replace(gathering.samples[ids[named]], group=group or None))
        else:
            _note_stranger(gathering, GROUPS_FILE, named)
    without = [id_ for named, id_ in ids.items() if named not in groups]
    if without:
        what = f"names no group for {len(without)} images, such as {without[0]}"
        gathering.note(GROUPS_FILE, what, ProblemCode.MISSING_GROUP)


def set_labels(gathering: Gathering) -> None:
    """Sets labels, kinds and splits by the labels file, where the layout says nothing itself."""
    if (text := _text(gathering, LABELS_FILE)) is None:
        return
    try:
        rows = parse_labels(text)
    except (csv.Error, ValueError) as error:
        gathering.note(LABELS_FILE, f"cannot be read ({error})", ProblemCode.UNREADABLE_FILE)
        return
    ids = {tidy(id_): id_ for id_ in gathering.samples}
    for row in rows:
        gathering.kinds.update(row.kinds or ())
        if row.image in ids:
            gathering.add(_labelled(gathering, gathering.samples[ids[row.image]], row))
        else:
            _note_stranger(gathering, LABELS_FILE, row.image)


def _labelled(gathering: Gathering, sample: Sample, row: LabelRow) -> Sample:
    split = row.split or sample.split
    if row.label is None:
        return replace(sample, split=split)
    if sample.defects is None:
        return replace(sample, split=split, label=row.label, kinds=row.kinds)
    if row.label != sample.label:
        what = f"calls {sample.id} {row.label}, its places say {sample.label}"
        gathering.note(LABELS_FILE, what, ProblemCode.CONTRADICTORY_LABEL)
    return replace(sample, split=split)


def _note_stranger(gathering: Gathering, file: str, named: str) -> None:
    what = f"names {named}, which is not an image of the dataset"
    gathering.note(file, what, ProblemCode.MISSING_FILE)


def _text(gathering: Gathering, name: str) -> str | None:
    """The text of a file at the root; ``None`` without one, and with a problem if unreadable."""
    if name not in gathering.listing.files:
        return None
    try:
        return csv_text(gathering.listing.path(name).read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        gathering.note(name, f"cannot be read ({error})", ProblemCode.UNREADABLE_FILE)
        return None
