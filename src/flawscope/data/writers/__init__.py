"""Writers of datasets, one file a layout: each says where images go and writes the labels."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from flawscope.data.writers import coco, labelme, severstal, trees, yolo
from flawscope.data.writers.placed import Placed
from flawscope.values import Sample


class Writer(NamedTuple):
    """One layout.

    Attributes:
        write: writes the labels of parts, whose images lie in the folder already, with the kinds.
        folder: the folder that a sample's image goes to; empty for the root.
        boxes: whether a defect can be kept of which only the box is known.
        classes: whether the kinds are written down in ``classes.txt``.
    """

    write: Callable[[Iterable[Placed], tuple[str, ...], Path], None]
    folder: Callable[[Sample], str]
    boxes: bool
    classes: Callable[[tuple[str, ...]], bool]


def _images(_: Sample) -> str:
    return "images"


def _root(_: Sample) -> str:
    return ""


def _always(_: tuple[str, ...]) -> bool:
    return True


def _never(_: tuple[str, ...]) -> bool:
    return False


WRITERS: dict[str, Writer] = {
    "coco": Writer(coco.write, _images, boxes=True, classes=_never),
    "image-mask-trees": Writer(trees.write, _images, boxes=False, classes=_always),
    "labelme": Writer(labelme.write, _root, boxes=True, classes=_always),
    "severstal": Writer(
        severstal.write, severstal.folder, boxes=False, classes=severstal.needs_names
    ),
    "yolo": Writer(yolo.write, _images, boxes=True, classes=_never),
}

__all__ = ["WRITERS", "Placed", "Writer"]
