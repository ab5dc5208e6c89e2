"""``image-mask-trees``: a tree of images and a tree of masks.

Two forms. In the first, the trees mirror one another and their folders are the kinds:
``images/scratches/7.jpg`` and ``masks/scratches/7.png``. In the second, the tree of masks has a
folder for each kind, which mirrors the whole tree of images: ``images/a/7.jpg`` and
``masks/scratches/a/7.png``, so that one image can show several kinds. There, an image with masks
that are all empty was looked at and is clean, and one without any mask was looked at by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flawscope.data.gathering import Gathering, defects_in
from flawscope.data.listing import Listing, stem_of
from flawscope.data.naming import (
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    MASK_FOLDERS,
    kinds_of_folders,
    part_named,
    split_of,
)
from flawscope.data.readers.masked import MASK_MARKS, add_masked
from flawscope.data.readers.pairs import kind_folder
from flawscope.data.sidecars import LABELS_FILE, SIDECARS, read_classes
from flawscope.values import Defect, ProblemCode

_MASK_TREES = MASK_FOLDERS | LABEL_FOLDERS


@dataclass(frozen=True)
class Trees:
    """Image files of both trees, by their relative path inside it without suffix or mark.

    A path keeps what stands before its tree's folder (``train`` of ``train/images/7.jpg``).
    """

    images: dict[str, str]
    masks: dict[str, str]

    def mirrored(self) -> dict[str, str]:
        """Masks of the first form, by image."""
        return {
            image: self.masks[inside]
            for inside, image in self.images.items()
            if inside in self.masks
        }

    def by_kind(self) -> dict[str, dict[str, str]]:
        """Masks of the second form, by image and kind."""
        found: dict[str, dict[str, str]] = {}
        for inside, mask in self.masks.items():
            parts = inside.split("/")
            at = 1 if part_named(parts[0]) and len(parts) > 2 else 0
            rest = "/".join([*parts[:at], *parts[at + 1 :]])
            if image := self.images.get(rest) or self.images.get(_unmarked(rest)):
                found.setdefault(image, {})[parts[at]] = mask
        return found


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: masks that belong to images."""
    trees = find_trees(listing.images)
    matched = max(len(trees.mirrored()), sum(len(kinds) for kinds in trees.by_kind().values()))
    if not matched:
        return _why_bare(listing, trees)
    return f"{matched} masks mirror {len(trees.images)} images in a tree of their own"


def _why_bare(listing: Listing, trees: Trees) -> str | None:
    """Why a tree of images alone is this layout: it has a labels file and no other labels."""
    others = set(listing.files) - set(trees.images.values()) - set(SIDECARS)
    if LABELS_FILE not in listing.files or not trees.images or others:
        return None
    return f"it has a tree of images without masks, and {LABELS_FILE}"


def read(gathering: Gathering) -> None:
    """Reads the form that accounts for more of the masks."""
    trees = find_trees(gathering.listing.images)
    mirrored, by_kind = trees.mirrored(), trees.by_kind()
    gathering.kinds.update(read_classes(gathering.listing))
    if sum(len(kinds) for kinds in by_kind.values()) > len(mirrored) or not trees.masks:
        _read_by_kind(gathering, trees, by_kind)
        used = {mask for kinds in by_kind.values() for mask in kinds.values()}
    else:
        _read_mirrored(gathering, trees, mirrored)
        used = set(mirrored.values())
    for mask in sorted(set(trees.masks.values()) - used):
        gathering.note(mask, "no image belongs to this mask", ProblemCode.MISSING_FILE)


def _read_mirrored(gathering: Gathering, trees: Trees, masks: dict[str, str]) -> None:
    kinds = kinds_of_folders(kind_folder(inside) for inside in trees.images)
    gathering.kinds.update(kind for kind in kinds.values() if kind)
    for inside, image in trees.images.items():
        mask, kind = masks.get(image), kinds[kind_folder(inside)]
        split = split_of(inside.split("/")[:-1])
        add_masked(gathering, image, mask, kind, split=split)


def _read_by_kind(gathering: Gathering, trees: Trees, masks: dict[str, dict[str, str]]) -> None:
    kinds = kinds_of_folders(kind for found in masks.values() for kind in found)
    gathering.kinds.update(kind for kind in kinds.values() if kind)
    for image in trees.images.values():
        if (size := gathering.size(image)) is None:
            continue
        split = split_of(image.split("/")[:-1])
        defects: list[Defect] = []
        broken = set()
        for folder, mask in masks.get(image, {}).items():
            pixels = gathering.mask(mask, size)
            kind = kinds[folder]
            if pixels is None:
                broken.add(kind)
            elif kind is not None:
                defects += defects_in(pixels, kind)
            elif np.any(pixels):
                what = "marks pixels in a folder of good parts"
                gathering.note(mask, what, ProblemCode.CONTRADICTORY_LABEL)
                broken.add(kind)
        if image not in masks or (broken and not defects):
            gathering.add_unknown(image, size, split=split)
        elif broken:
            gathering.add_defective(image, size, None, split=split)
        else:
            gathering.add_located(image, size, defects, split=split)


def find_trees(names: tuple[str, ...]) -> Trees:
    """Tells the two trees apart by the folder names of relative paths."""
    images: dict[str, str] = {}
    masks: dict[str, str] = {}
    for name in names:
        parts = name.split("/")
        for index, part in enumerate(parts[:-1]):
            if part.casefold() in IMAGE_FOLDERS:
                images[_inside(parts, index)] = name
                break
            if part.casefold() in _MASK_TREES:
                masks[_inside(parts, index)] = name
                break
            if not part_named(part):
                break
    for inside in list(masks):
        if inside not in images and _unmarked(inside) in images:
            masks[_unmarked(inside)] = masks.pop(inside)
    return Trees(images, masks)


def _unmarked(inside: str) -> str:
    """A path without what its name ends in where it is a mask's."""
    mark = next((mark for mark in MASK_MARKS if mark and inside.endswith(mark)), "")
    return inside.removesuffix(mark)


def _inside(parts: list[str], index: int) -> str:
    return stem_of("/".join(parts[:index] + parts[index + 1 :]))
