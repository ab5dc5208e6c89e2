"""Single defects, from what is known of every pixel."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from flawscope.masks import components
from flawscope.nets import Target
from flawscope.train.supervision import DEFECT, SOMEWHERE, UNKNOWN

_MOST = 200


def target_of(known: Tensor) -> Target | None:
    """The defects of a crop: every connected piece of a kind is one.

    Args:
        known: uint8 (k, h, w), what is known of each pixel, by kind.

    Returns:
        ``None`` where a defect may be of which it is not known where it is or of which kind:
        what is not among the defects is taught to be none. A defect is of one kind, so it is as
        well where only some of the kinds were looked for. ``None`` too for a crop of more than
        200 pieces, which is no matter of single defects.
    """
    places = known.cpu().numpy()
    shown = places == DEFECT
    unknown = (places == UNKNOWN) & ~shown.any(axis=0)
    if unknown.any() or (places == SOMEWHERE).any():
        return None
    pieces = [(label, one) for label, mask in enumerate(shown, 1) for one in components(mask)]
    if len(pieces) > _MOST:
        return None
    masks = np.zeros((len(pieces), *places.shape[1:]), dtype=np.uint8)
    for mask, (_, piece) in zip(masks, pieces, strict=True):
        box = piece.box
        mask[box.top : box.bottom, box.left : box.right] = piece.pixels
    edges = [(one.box.left, one.box.top, one.box.right, one.box.bottom) for _, one in pieces]
    return Target(
        torch.tensor(edges, dtype=torch.float32).reshape(-1, 4).to(known.device),
        torch.tensor([label for label, _ in pieces], dtype=torch.int64).to(known.device),
        torch.from_numpy(masks).to(known.device),
    )
