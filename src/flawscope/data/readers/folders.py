"""``folder-per-label``: one folder for each label, images in it, nothing else said.

Good parts are looked at and clean; of a defective one nobody said where.
"""

from __future__ import annotations

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing
from flawscope.data.naming import (
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    MASK_FOLDERS,
    kinds_of_folders,
    split_of,
)
from flawscope.data.readers.pairs import kind_folder, pair
from flawscope.values import UNNAMED


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: images in folders, none of them masks'."""
    folders = sorted({kind_folder(image) for image in listing.images} - {""})
    inner = {part.casefold() for image in listing.images for part in image.split("/")[:-1]}
    if not folders or inner & MASK_FOLDERS or (inner & LABEL_FOLDERS and inner & IMAGE_FOLDERS):
        return None
    named = ", ".join(folders[:4]) + (", ..." if len(folders) > 4 else "")
    return f"images lie in {len(folders)} folders ({named}) with no other labels"


def read(gathering: Gathering) -> None:
    """Reads every image; the first folder that says something is its label."""
    images = gathering.listing.images
    for image, mask in pair(images).items():
        if mask is not None:
            gathering.note(mask, f"may be the mask of {image}, but is taken for a photograph")
    kinds = kinds_of_folders(folder for image in images if (folder := kind_folder(image)))
    gathering.kinds.update(kind for kind in kinds.values() if kind)
    for image in images:
        if (size := gathering.size(image)) is None:
            continue
        split = split_of(image.split("/")[:-1])
        folder = kind_folder(image)
        kind = kinds.get(folder)
        if not folder:
            gathering.add_unknown(image, size, split=split)
        elif kind is None:
            gathering.add_good(image, size, split=split)
        else:
            named = None if kind == UNNAMED else (kind,)
            gathering.add_defective(image, size, named, split=split)
