"""What folder names mean: good parts, defects without a name, parts of a split."""

from __future__ import annotations

import re
from collections.abc import Iterable

from flawscope.values import UNNAMED


def kind_name(text: str) -> str:
    """A kind as a label file names it, on one line; without a name it is a defect of no kind."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(shown.split()) or UNNAMED


GOOD_FOLDERS = frozenset(
    {
        "clean",
        "defect free",
        "free",
        "good",
        "healthy",
        "mt free",
        "no defect",
        "no defects",
        "non defective",
        "normal",
        "ok",
        "perfect",
    }
)
"""Folders of good parts: these names, or one that starts with ``ok``, ``good`` or ``normal``."""

UNNAMED_FOLDERS = frozenset(
    {
        "abnormal",
        "anomalous",
        "anomaly",
        "bad",
        "def",
        "defect",
        "defective",
        "defects",
        "faulty",
        "ng",
        "nok",
        "not ok",
    }
)
"""First words of folders that say "defective" and nothing about the kind."""

SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Folder names that say which part of a split their images are in."""

IMAGE_FOLDERS = frozenset({"image", "images", "img", "imgs"})
"""Folders that say no more than that pictures are in them."""

MASK_FOLDERS = frozenset(
    {
        "ground_truth",
        "groundtruth",
        "gt",
        "mask",
        "masks",
        "segmentationclass",
        "segmentationobject",
    }
)
"""Folders of pictures that are labels, not photographs."""

LABEL_FOLDERS = frozenset({"annotation", "annotations", "labels"})
"""Folders that may hold masks beside a tree of images; elsewhere they are called as anything is."""

_YEAR = re.compile(r"\d{4}$")
_SEPARATORS = re.compile(r"[\s_\-.]+")


def _words(folder: str) -> list[str]:
    return [word for word in _SEPARATORS.split(folder.casefold()) if word]


def is_good(folder: str) -> bool:
    """Whether a folder's name says that its parts are good."""
    words = _words(folder)
    return " ".join(words) in GOOD_FOLDERS or words[:1] in (["ok"], ["good"], ["normal"])


def is_unnamed_defect(folder: str) -> bool:
    """Whether a folder's name says that its parts are defective, but not in which way."""
    words = _words(folder)
    return " ".join(words[:1]) in UNNAMED_FOLDERS or " ".join(words[:2]) in UNNAMED_FOLDERS


def part_named(folder: str) -> str | None:
    """The part of a split that a folder's name says: ``train``, ``Val2017``."""
    return SPLIT_FOLDERS.get(_YEAR.sub("", folder.casefold()))


def split_of(folders: Iterable[str]) -> str | None:
    """The part of a split that the first telling folder of a path names."""
    return next(filter(None, map(part_named, folders)), None)


def kinds_of_folders(folders: Iterable[str]) -> dict[str, str | None]:
    """The kind that each folder stands for; ``None``: good parts.

    A kind is named as its folder is, without a prefix ending in ``_`` or ``-`` that all folders
    share: ``MT_Blowhole`` and ``MT_Free`` are Blowhole and good. A folder such as ``defective``
    that is the only one of defective parts names no kind and stands for ``UNNAMED``. The empty
    name, of files in no folder, says nothing and stands for itself.
    """
    every = set(folders)
    names = sorted(every - {""})
    prefix = _shared_prefix(names) if len(names) > 1 else ""
    short = {name: name[len(prefix) :] or name for name in names}
    good = {name for name in names if is_good(name) or is_good(short[name])}
    defective = [name for name in names if name not in good]
    if len(defective) == 1 and is_unnamed_defect(short[defective[0]]):
        short[defective[0]] = UNNAMED
    kinds = {name: None if name in good else short[name] for name in names}
    return {"": "", **kinds} if "" in every else kinds


def _shared_prefix(names: list[str]) -> str:
    """The longest prefix of all names that ends in ``_`` or ``-``."""
    ends = (match.end() for match in re.finditer(r"[_-]", names[0]))
    shared = [end for end in ends if all(name.startswith(names[0][:end]) for name in names)]
    return names[0][: max(shared, default=0)]
