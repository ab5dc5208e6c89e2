"""A folder in, a dataset out."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

from flawscope.data.detection import LAYOUTS, detect_listing
from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, tidy
from flawscope.data.readers import READERS
from flawscope.errors import DatasetError
from flawscope.values import UNNAMED, Dataset

GROUPS_FILE = "groups.csv"
"""At a dataset's root, in any layout: image id, name of the part it shows."""


def read(root: Path, layout: str | None = None) -> Dataset:
    """A labelled dataset, whatever its layout.

    Files that cannot be used are left out and named in the dataset's ``problems``.

    Args:
        root: the dataset's folder.
        layout: one of ``LAYOUTS``; detected by default.

    Raises:
        DatasetError: no layout fits or several do, or nothing in the folder can be used.
    """
    root = Path(root)
    listing = Listing(root)
    if layout is None:
        layout = detect_listing(listing).layout
    elif layout not in READERS:
        raise DatasetError(
            f"{layout!r} is not a layout", where=root, remedy=f"Choose from {', '.join(LAYOUTS)}"
        )
    gathering = Gathering(listing)
    READERS[layout].read(gathering)
    if not gathering.samples:
        raise _unusable(gathering, layout)
    _set_groups(gathering)
    return Dataset(
        root=root,
        layout=layout,
        kinds=tuple(sorted(gathering.kinds - {UNNAMED})),
        samples=tuple(gathering.samples[id_] for id_ in sorted(gathering.samples)),
        problems=tuple(gathering.problems),
    )


def _unusable(gathering: Gathering, layout: str) -> DatasetError:
    first = "; ".join(f"{problem.where}: {problem.what}" for problem in gathering.problems[:3])
    return DatasetError(
        f"no image can be used, read as {layout}" + (f" ({first})" if first else ""),
        where=gathering.listing.root,
        remedy="Check the folder, or name another layout with --layout",
    )


def parse_groups(text: str) -> dict[str, str]:
    """Groups by image id from the text of a groups file, whose first row names its columns."""
    rows = list(csv.reader(io.StringIO(text)))[1:]
    return {tidy(row[0]): row[1].strip() for row in rows if len(row) > 1 and row[1].strip()}


def _set_groups(gathering: Gathering) -> None:
    path = gathering.listing.path(GROUPS_FILE)
    if not path.is_file():
        return
    try:
        groups = parse_groups(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        gathering.note(GROUPS_FILE, f"cannot be read ({error})")
        return
    ids = {tidy(id_): id_ for id_ in gathering.samples}
    for named, group in groups.items():
        if named in ids:
            id_ = ids[named]
            gathering.samples[id_] = replace(gathering.samples[id_], group=group)
        else:
            gathering.note(GROUPS_FILE, f"names {named}, which is not an image of the dataset")
    without = [id_ for named, id_ in ids.items() if named not in groups]
    if without:
        gathering.note(
            GROUPS_FILE, f"names no group for {len(without)} images, such as {without[0]}"
        )
