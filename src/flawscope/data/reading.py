"""A folder in, a dataset out."""

from __future__ import annotations

from pathlib import Path

from flawscope.data.detection import LAYOUTS, detect_listing
from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, suffix_of
from flawscope.data.progress import Progress, silent
from flawscope.data.readers import READERS
from flawscope.data.sidecars import set_groups, set_labels
from flawscope.errors import DatasetError
from flawscope.images import IMAGE_SUFFIXES
from flawscope.values import UNNAMED, Dataset, ProblemCode


def read(root: Path, layout: str | None = None, progress: Progress = silent) -> Dataset:
    """A labelled dataset, whatever its layout.

    Files that cannot be used are left out and named in the dataset's ``problems``. In any layout,
    ``groups.csv`` at the root names the part that each image shows, and ``labels.csv`` adds what
    the layout has no place for (``flawscope.data.sidecars``).

    Args:
        root: the dataset's folder.
        layout: one of ``LAYOUTS``; detected by default.
        progress: told of every image and mask opened, of all there are.

    Raises:
        DatasetError: no layout fits or several do, or nothing in the folder can be used.
    """
    root = Path(root)
    listing = Listing(root)
    why = ""
    if layout is None:
        detected = detect_listing(listing)
        layout, why = detected.layout, detected.why
    elif layout not in READERS:
        raise DatasetError(
            f"{layout!r} is not a layout", where=root, remedy=f"Choose from {', '.join(LAYOUTS)}"
        )
    gathering = Gathering(listing, progress=progress)
    for name in filter(_tells, listing.unwritable):
        shown = name.encode("utf-8", "backslashreplace").decode()
        what = "its name is not Unicode, so no split or label file could name it: rename it"
        gathering.note(shown, what, ProblemCode.UNREADABLE_FILE)
    READERS[layout].read(gathering)
    if not gathering.samples:
        raise _unusable(gathering, layout)
    set_groups(gathering)
    set_labels(gathering)
    return Dataset(
        root=root,
        layout=layout,
        kinds=tuple(sorted(gathering.kinds - {UNNAMED})),
        samples=tuple(gathering.samples[id_] for id_ in sorted(gathering.samples)),
        problems=tuple(gathering.problems),
        why=why,
    )


def _tells(name: str) -> bool:
    """Whether a file may be an image or say something of one."""
    return suffix_of(name) in IMAGE_SUFFIXES | {".csv", ".json", ".txt", ".xml"}


def _unusable(gathering: Gathering, layout: str) -> DatasetError:
    first = "; ".join(f"{problem.where}: {problem.what}" for problem in gathering.problems[:3])
    return DatasetError(
        f"no image can be used, read as {layout}" + (f" ({first})" if first else ""),
        where=gathering.listing.root,
        remedy="Check the folder, or name another layout with --layout",
    )
