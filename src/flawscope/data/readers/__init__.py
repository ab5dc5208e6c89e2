"""Readers of datasets, one file a layout: each recognises a folder and reads it."""

from collections.abc import Callable
from typing import NamedTuple

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing
from flawscope.data.readers import folders, pairs, trees


class Reader(NamedTuple):
    """One layout: why a folder looks like it (``None``: it does not), and how to read it."""

    recognise: Callable[[Listing], str | None]
    read: Callable[[Gathering], None]


READERS: dict[str, Reader] = {
    "image-mask-trees": Reader(trees.recognise, trees.read),
    "image-mask-pairs": Reader(pairs.recognise, pairs.read),
    "folder-per-label": Reader(folders.recognise, folders.read),
}

__all__ = ["READERS", "Reader"]
