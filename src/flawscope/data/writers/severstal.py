"""``severstal``: Kaggle's table of defects, ``train.csv`` with ``ImageId,ClassId,EncodedPixels``.

Images that were looked at go to ``train_images/``, where one that the table does not list is
clean; images that nobody looked at go to ``test_images/``. Classes are numbered from 1, in the
order of ``classes.txt`` where kinds are not the steel's, called 1 to 4, anyway.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from flawscope.data.readers.severstal import LOOKED_AT, STEEL_CLASSES
from flawscope.data.runs import to_kaggle
from flawscope.data.writers.placed import Placed
from flawscope.files import written_whole
from flawscope.masks import encode, union
from flawscope.values import RunLengths, Sample


def folder(sample: Sample) -> str:
    """Where the image of a sample goes."""
    return "test_images" if sample.defects is None else LOOKED_AT


def needs_names(kinds: tuple[str, ...]) -> bool:
    """Whether some kind is none of the steel's."""
    return not set(kinds) <= set(STEEL_CLASSES)


def write(parts: Iterable[Placed], kinds: tuple[str, ...], out: Path) -> None:
    """Writes the table."""
    named = needs_names(kinds)
    numbers = {kind: str(i) if named else kind for i, kind in enumerate(kinds, 1)}
    with (
        written_whole(out / "train.csv") as beside,
        beside.open("w", encoding="utf-8", newline="") as file,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("ImageId", "ClassId", "EncodedPixels"))
        for part in parts:
            masks: dict[str, list[RunLengths]] = defaultdict(list)
            for defect in part.sample.defects or ():
                if defect.mask is not None:
                    masks[defect.kind].append(defect.mask)
            for kind, runs in sorted(masks.items()):
                whole = encode(union(runs, part.sample.size))
                rows.writerow((part.inside, numbers[kind], to_kaggle(whole)))
