"""What image-and-mask layouts share: the sample of an image in a kind's folder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flawscope.data.gathering import Gathering, defects_in
from flawscope.values import UNNAMED, ProblemCode, Size

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
        kind: what its folder stands for, as ``kinds_of_folders`` tells: ``None`` for good parts,
            and empty for no folder that says anything, where the mask alone speaks.
        split: the part of the split that its path names.
    """
    if (size := gathering.size(image)) is None:
        return
    pixels = None if mask is None else gathering.mask(mask, size)
    if kind is None:
        _add_good(gathering, image, mask, size, pixels, split)
    elif kind == "" and pixels is None:
        gathering.add_unknown(image, size, split=split)
    elif pixels is not None and (kind == "" or pixels.any()):
        found = defects_in(pixels, kind or UNNAMED)
        gathering.add_located(image, size, found, split=split)
    else:
        if mask is None:
            what = "no mask belongs to it, though its folder says it is defective"
            gathering.note(image, what, ProblemCode.MISSING_MASK)
        elif pixels is not None:
            what = f"the mask is empty, though its folder says {kind}"
            gathering.note(mask, what, ProblemCode.EMPTY_MASK)
        named = None if kind == UNNAMED else (kind,)
        gathering.add_defective(image, size, named, split=split)


def _add_good(
    gathering: Gathering,
    image: str,
    mask: str | None,
    size: Size,
    pixels: NDArray[np.bool_] | None,
    split: str | None,
) -> None:
    if pixels is not None and pixels.any():
        what = f"marks {int(pixels.sum())} pixels of a part in a folder of good ones"
        gathering.note(str(mask), what, ProblemCode.CONTRADICTORY_LABEL)
        gathering.add_unknown(image, size, split=split)
    else:
        gathering.add_good(image, size, split=split)
