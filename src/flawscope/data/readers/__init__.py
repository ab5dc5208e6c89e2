"""Readers of datasets, one file a layout: each recognises a folder and reads it."""

from collections.abc import Callable
from typing import NamedTuple

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing
from flawscope.data.readers import (
    coco,
    folders,
    labelme,
    mvtec,
    pairs,
    severstal,
    trees,
    voc,
    yolo,
)


class Reader(NamedTuple):
    """One layout: why a folder looks like it (``None``: it does not), and how to read it."""

    recognise: Callable[[Listing], str | None]
    read: Callable[[Gathering], None]


READERS: dict[str, Reader] = {
    "coco": Reader(coco.recognise, coco.read),
    "folder-per-label": Reader(folders.recognise, folders.read),
    "image-mask-pairs": Reader(pairs.recognise, pairs.read),
    "image-mask-trees": Reader(trees.recognise, trees.read),
    "labelme": Reader(labelme.recognise, labelme.read),
    "mvtec": Reader(mvtec.recognise, mvtec.read),
    "severstal": Reader(severstal.recognise, severstal.read),
    "voc": Reader(voc.recognise, voc.read),
    "yolo": Reader(yolo.recognise, yolo.read),
}

__all__ = ["READERS", "Reader"]
