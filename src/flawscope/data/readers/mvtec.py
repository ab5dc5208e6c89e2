"""``mvtec``: MVTec AD, ``train/good``, ``test/KIND`` and ``ground_truth/KIND/STEM_mask.png``.

Its own division into train and test fills the samples' splits.
"""

from __future__ import annotations

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, stem_of
from flawscope.data.naming import SPLIT_FOLDERS, kinds_of_folders, split_of
from flawscope.data.readers.masked import MASK_MARKS, add_masked
from flawscope.values import ProblemCode

TRUTH = "ground_truth"


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: its three folders are there."""
    tops = {image.split("/")[0] for image in listing.images if image.count("/") > 1}
    if {"test", TRUTH} <= tops or {"train", TRUTH} <= tops:
        return f"it has the folders {', '.join(sorted(tops))} with images in folders of kinds"
    return None


def read(gathering: Gathering) -> None:
    """Reads every image under the folders of a split; notes masks that belong to none."""
    names = gathering.listing.images
    images = [name for name in names if _is_photograph(name)]
    masks = {stem_of(name): name for name in names if name.startswith(f"{TRUTH}/")}
    kinds = kinds_of_folders(image.split("/")[1] for image in images)
    gathering.kinds.update(kind for kind in kinds.values() if kind)
    used = set()
    for image in images:
        top, folder, rest = stem_of(image).split("/", 2)
        found = (masks.get(f"{TRUTH}/{folder}/{rest}{mark}") for mark in MASK_MARKS)
        mask = next((name for name in found if name and top == "test"), None)
        used.add(mask)
        add_masked(gathering, image, mask, kinds[folder], split=split_of((top,)))
    for mask in sorted(set(masks.values()) - used):
        gathering.note(mask, "no image belongs to this mask", ProblemCode.MISSING_FILE)


def _is_photograph(name: str) -> bool:
    parts = name.split("/")
    return len(parts) > 2 and parts[0].casefold() in SPLIT_FOLDERS
