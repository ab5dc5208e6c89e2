"""``yolo``: a text file of boxes or polygons for each image that was looked at.

Labels lie beside their images, or in a tree ``labels`` that mirrors the tree ``images``. Names
of classes stand in ``data.yaml`` (or another ``.yaml`` with ``names``), ``classes.txt`` or
``obj.names``. An empty file says "looked at and clean", no file "nobody looked".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import yaml

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, stem_of
from flawscope.data.marks import Marks
from flawscope.data.naming import kind_name, split_of
from flawscope.errors import DatasetError
from flawscope.values import UNNAMED, ProblemCode, Size

NAME_FILES = ("classes.txt", "obj.names")
_SLACK = 1e-3


@dataclass(frozen=True, slots=True)
class Row:
    """A class and its numbers: centre x, y, width, height of a box, or corners of a polygon.

    All as shares of the image's width and height.
    """

    index: int
    numbers: tuple[float, ...]

    @property
    def is_box(self) -> bool:
        """Whether the numbers are of a box."""
        return len(self.numbers) == 4


def parse_row(line: str) -> Row:
    """One line of a label file.

    Raises:
        DatasetError: it is neither a box nor a polygon, or its numbers are no shares.
    """
    first, *rest = line.split()
    try:
        index, numbers = int(first), tuple(float(word) for word in rest)
    except ValueError as error:
        raise DatasetError(f"{line[:60]!r} is not a class and numbers") from error
    if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
        raise DatasetError(
            f"{len(numbers)} numbers are neither a box (4) nor a polygon (6, 8, ...)"
        )
    if not all(math.isfinite(value) and -_SLACK <= value <= 1 + _SLACK for value in numbers):
        raise DatasetError("numbers outside 0 to 1 are no shares of the image")
    return Row(index, numbers)


def parse_names(text: str) -> dict[int, str] | None:
    """Class names by index from the text of a ``.yaml``; ``None`` where it has no ``names``.

    Raises:
        DatasetError: it is not YAML, or its names are neither a list nor a mapping of indices.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DatasetError(f"not valid YAML ({' '.join(str(error).split())})") from error
    names = content.get("names") if isinstance(content, dict) else None
    if isinstance(names, list):
        return {index: str(name) for index, name in enumerate(names)}
    if isinstance(names, dict) and all(str(index).isdecimal() for index in names):
        return {int(index): str(name) for index, name in names.items()}
    if names is None:
        return None
    raise DatasetError("names is neither a list nor a mapping of numbers to names")


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: class names, or label files that parse."""
    labels = find_labels(listing)
    for image, label in labels.items():
        try:
            lines = listing.path(label).read_text(encoding="utf-8-sig").splitlines()
            for line in lines:
                if line.strip():
                    parse_row(line)
        except (DatasetError, OSError, UnicodeDecodeError):
            continue
        return f"{label} holds YOLO labels of {image}; {len(labels)} images have such a file"
    for name in listing.with_suffix(".yaml", ".yml"):
        try:
            names = parse_names(listing.path(name).read_text(encoding="utf-8-sig"))
        except (DatasetError, OSError, UnicodeDecodeError):
            continue
        if names is not None:
            return f"{name} names {len(names)} classes"
    return None


def read(gathering: Gathering) -> None:
    """Reads the label file of every image; images without one were looked at by nobody."""
    names = _read_names(gathering)
    gathering.kinds.update((names or {}).values())
    labels = find_labels(gathering.listing)
    for image in gathering.listing.images:
        if (size := gathering.size(image)) is None:
            continue
        split = split_of(image.split("/")[:-1])
        if image in labels:
            _add(gathering, image, labels[image], names, size)
        else:
            gathering.add_unknown(image, size, split=split)
    orphans = set(gathering.listing.with_suffix(".txt")) - set(labels.values())
    for orphan in sorted(name for name in orphans if "labels" in name.split("/")[:-1]):
        gathering.note(orphan, "no image belongs to this label file", ProblemCode.MISSING_FILE)


def find_labels(listing: Listing) -> dict[str, str]:
    """Label files by image: in the tree ``labels``, or beside the image."""
    texts = {
        name for name in listing.with_suffix(".txt") if PurePosixPath(name).name not in NAME_FILES
    }
    found = {}
    for image in listing.images:
        parts = stem_of(image).split("/")
        candidates = ["/".join(parts) + ".txt"]
        for index in range(len(parts) - 1):
            if parts[index] == "images":
                mirrored = [*parts[:index], "labels", *parts[index + 1 :]]
                candidates.insert(0, "/".join(mirrored) + ".txt")
        label = next((name for name in candidates if name in texts), None)
        if label:
            found[image] = label
    return found


def _read_names(gathering: Gathering) -> dict[int, str] | None:
    listing = gathering.listing
    lists = [name for name in listing.files if PurePosixPath(name).name in NAME_FILES]
    for name in (*listing.with_suffix(".yaml", ".yml"), *lists):
        try:
            text = listing.path(name).read_text(encoding="utf-8-sig")
            names = dict(enumerate(text.split("\n"))) if name in lists else parse_names(text)
        except (OSError, UnicodeDecodeError) as error:
            gathering.note(name, f"cannot be read ({error})", ProblemCode.UNREADABLE_FILE)
        except DatasetError as error:
            gathering.note(name, error.what, ProblemCode.UNREADABLE_FILE)
        else:
            if names is not None:
                return {index: kind_name(text) for index, text in names.items() if text.strip()}
    gathering.note("data.yaml", "no file names the classes, so kinds are called by their numbers")
    return None


def _add(
    gathering: Gathering, image: str, label: str, names: dict[int, str] | None, size: Size
) -> None:
    split = split_of(image.split("/")[:-1])
    try:
        text = gathering.listing.path(label).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        gathering.note(label, f"cannot be read ({error})", ProblemCode.UNREADABLE_FILE)
        gathering.add_unknown(image, size, split=split)
        return
    marks = Marks(gathering, image, size, label)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            marks.called = f"line {number}"
            _mark(marks, line, names, size)
    marks.finish(split)


def _mark(marks: Marks, line: str, names: dict[int, str] | None, size: Size) -> None:
    try:
        row = parse_row(line)
    except DatasetError as error:
        marks.lose(UNNAMED, error.what)
        return
    kind = str(row.index) if names is None else names.get(row.index)
    if kind is None:
        marks.lose(UNNAMED, f"no class has the number {row.index}")
    elif row.is_box:
        x, y, width, height = row.numbers
        left, right = (x - width / 2) * size.width, (x + width / 2) * size.width
        top, bottom = (y - height / 2) * size.height, (y + height / 2) * size.height
        marks.box(kind, (left, top, right, bottom))
    else:
        shares = np.array(row.numbers, dtype=np.float64).reshape(-1, 2)
        marks.polygons(kind, [shares * (size.width, size.height)])
