"""``image-mask-pairs``: folders of kinds, each image beside the mask of the same stem.

The mask is the ``.png`` beside an image of another suffix, or a file whose stem is the image's
with ``_mask``, ``_gt`` or ``_label`` after it.
"""

from __future__ import annotations

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, stem_of, suffix_of
from flawscope.data.naming import IMAGE_FOLDERS, kinds_of_folders, part_named, split_of
from flawscope.data.readers.masked import MASK_MARKS, add_masked

_SOME = 0.1
"""Of the images: where fewer have one beside them, they are photographs of one name by chance."""


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: most images have a mask beside them,

    where any of their folder has one. Good parts, in a folder of theirs, need none.
    """
    pairs = pair(listing.images)
    masked = [image for image, mask in pairs.items() if mask is not None]
    folders = {kind_folder(image) for image in masked}
    among = sum(kind_folder(image) in folders for image in pairs)
    if not masked or len(masked) * 2 < among:
        return None
    return f"{len(masked)} of {among} images have a mask of the same stem beside them"


def some_paired(listing: Listing) -> str | None:
    """Why a folder could be this layout after all, though most images have no mask."""
    pairs = pair(listing.images)
    masked = sum(mask is not None for mask in pairs.values())
    if masked < _SOME * len(pairs):
        return None
    return f"{masked} images have what could be a mask of the same stem beside them"


def read(gathering: Gathering) -> None:
    """Reads every pair; the first folder that says something names the kind."""
    pairs = pair(gathering.listing.images)
    kinds = kinds_of_folders(kind_folder(image) for image in pairs)
    gathering.kinds.update(kind for kind in kinds.values() if kind)
    for image, mask in pairs.items():
        split = split_of(image.split("/")[:-1])
        add_masked(gathering, image, mask, kinds[kind_folder(image)], split=split)


def pair(names: tuple[str, ...]) -> dict[str, str | None]:
    """Images with their masks, in order of name, from the relative paths of image files."""
    present = set(names)
    by_stem: dict[str, list[str]] = {}
    for name in names:
        by_stem.setdefault(stem_of(name), []).append(name)
    masks: dict[str, str] = {}
    for stem, same in by_stem.items():
        photographs = [name for name in same if suffix_of(name) != ".png"]
        if len(same) == 2 and len(photographs) == 1:
            masks[photographs[0]] = next(name for name in same if name != photographs[0])
        for mark in MASK_MARKS[1:]:
            marked = by_stem.get(stem + mark, [])
            if len(same) == 1 and len(marked) == 1:
                masks[same[0]] = marked[0]
    taken = set(masks.values())
    return {name: masks.get(name) for name in sorted(present - taken)}


def kind_folder(image: str) -> str:
    """The first folder of a path that is no part of a split and not just "images"; or empty."""
    folders = image.split("/")[:-1]
    telling = (
        name for name in folders if not (name.casefold() in IMAGE_FOLDERS or part_named(name))
    )
    return next(telling, "")
