"""A submission to Kaggle's Severstal competition: ``ImageId_ClassId,EncodedPixels``.

One row for each image and class 1 to 4, empty where nothing is found. Run lengths count from 1
down the columns, in order and without overlap, as the competition's scoring wants them.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flawscope.data.readers.severstal import STEEL_CLASSES
from flawscope.data.runs import to_kaggle
from flawscope.errors import DatasetError, ModelFileError
from flawscope.files import written_whole
from flawscope.masks import encode, union
from flawscope.values import Defect, Size

TITLES = ("ImageId_ClassId", "EncodedPixels")


def steel_numbers(kinds: Sequence[str]) -> dict[str, str]:
    """The class of each of a model's kinds: its own number, or else its place among four.

    Raises:
        ModelFileError: some kind is no class of the steel's, and there are not four names.
    """
    if kinds and set(kinds) <= set(STEEL_CLASSES):
        return {kind: kind for kind in kinds}
    if len(kinds) == len(STEEL_CLASSES) and not any(kind.isdecimal() for kind in kinds):
        return dict(zip(kinds, STEEL_CLASSES, strict=True))
    raise ModelFileError(
        f"the kinds of the model ({', '.join(kinds) or 'none'}) are not the classes 1 to 4",
        where="--submission",
        remedy="Name a model that was trained on the Severstal set, or one of four named kinds,"
        " which become classes 1 to 4 in their order",
    )


class Submission:
    """The rows of a submission on their way to a file; made by ``submission``."""

    def __init__(self, rows: Any, numbers: Mapping[str, str]) -> None:
        self._rows = rows
        self._numbers = numbers

    def add(self, image: str, size: Size, defects: Iterable[Defect]) -> None:
        """Adds an image by its bare file name; defects of no kind or no mask have no place."""
        masks: dict[str, list[Any]] = {class_: [] for class_ in STEEL_CLASSES}
        for defect in defects:
            if defect.kind in self._numbers and defect.mask is not None:
                masks[self._numbers[defect.kind]].append(defect.mask)
        for class_, runs in masks.items():
            text = to_kaggle(encode(union(runs, size))) if runs else ""
            self._rows.writerow((f"{image}_{class_}", text))

    def add_unseen(self, image: str) -> None:
        """Adds an image that could not be inspected: four empty rows."""
        for class_ in STEEL_CLASSES:
            self._rows.writerow((f"{image}_{class_}", ""))


@contextmanager
def submission(path: Path, numbers: Mapping[str, str]) -> Iterator[Submission]:
    """A submission to add images to; the file is there once the body ends, whole or not at all.

    Args:
        path: of the CSV file.
        numbers: the class of each kind, as of ``steel_numbers``.
    """
    with written_whole(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(TITLES)
        yield Submission(rows, numbers)


def require_distinct_names(images: Collection[Path]) -> None:
    """Refuses images of one bare file name, which is all that a submission calls them by.

    Raises:
        DatasetError: two share it.
    """
    seen: dict[str, Path] = {}
    for image in images:
        first = seen.setdefault(image.name, image)
        if first != image:
            raise DatasetError(
                f"and {first} have one file name, by which a submission could not tell them apart",
                where=image,
                remedy="Name a folder of test images that holds each once",
            )
