"""What image-and-mask layouts share: the sample of an image in a kind's folder."""

from __future__ import annotations

from flawscope.data.gathering import Gathering, defects_in
from flawscope.values import UNNAMED, ProblemCode

MASK_MARKS = ("", "_mask", "_gt", "_label")
"""What may follow an image's stem in the name of its mask."""


def add_masked(
    gathering: Gathering,
    image: str,
    mask: str | None,
    kind: str | None,
    *,
    split: str | None = None,
) -> None:
    """Adds the sample of an image whose folder says its kind.

    Args:
        gathering: what it is added to.
        image: the image's relative path.
        mask: its mask's relative path, if it has one.
        kind: what its folder stands for, as ``kinds_of_folders`` tells: ``None`` for good parts.
        split: the part of the split that its path names.
    """
    if (size := gathering.size(image)) is None:
        return
    pixels = None if mask is None else gathering.mask(mask, size)
    if kind is None:
        if pixels is not None and pixels.any():
            what = f"marks {int(pixels.sum())} pixels of a part in a folder of good ones"
            gathering.note(str(mask), what, ProblemCode.CONTRADICTORY_LABEL)
            gathering.add_unknown(image, size, split=split)
        else:
            gathering.add_good(image, size, split=split)
        return
    named = None if kind == UNNAMED else (kind,)
    if mask is None:
        what = "no mask belongs to it, though its folder says it is defective"
        gathering.note(image, what, ProblemCode.MISSING_MASK)
        gathering.add_defective(image, size, named, split=split)
    elif pixels is None:
        gathering.add_defective(image, size, named, split=split)
    elif not pixels.any():
        what = f"the mask is empty, though its folder says {kind}"
        gathering.note(mask, what, ProblemCode.EMPTY_MASK)
        gathering.add_defective(image, size, named, split=split)
    else:
        gathering.add_located(image, size, defects_in(pixels, kind), split=split)
