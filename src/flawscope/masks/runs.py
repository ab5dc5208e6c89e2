"""Masks to run lengths and back."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from flawscope.errors import MaskError
from flawscope.values import Box, RunLengths, Size


def encode(mask: NDArray[np.bool_]) -> RunLengths:
    """Run lengths of a boolean mask of shape (height, width), column by column, 0 first."""
    height, width = mask.shape
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate(([0], changes, [flat.size]))
    counts = np.diff(edges).tolist() if flat.size else []
    if flat.size and flat[0]:
        counts.insert(0, 0)
    return RunLengths(Size(height, width), tuple(counts))


def encode_at(pixels: NDArray[np.bool_], box: Box, size: Size) -> RunLengths:
    """Run lengths of a mask of ``size`` that is unset outside ``box``.

    Args:
        pixels: boolean (box height, box width), the mask inside the box.
        box: inside the mask.
        size: of the whole mask; only the box's columns are ever laid out.
    """
    columns = np.zeros((size.height, box.width), dtype=bool)
    columns[box.top : box.bottom] = pixels
    counts = list(encode(columns).counts) or [0]
    before, after = box.left * size.height, (size.width - box.right) * size.height
    counts[0] += before
    if len(counts) % 2:
        counts[-1] += after
    elif after:
        counts.append(after)
    return RunLengths(size, tuple(counts))


def decode(runs: RunLengths) -> NDArray[np.bool_]:
    """The boolean mask of shape (height, width) of some run lengths.

    Raises:
        MaskError: the lengths are negative or do not add up to the size.
    """
    counts = np.asarray(runs.counts, dtype=np.int64)
    height, width = runs.size
    if (counts < 0).any() or counts.sum() != height * width:
        raise MaskError(
            f"run lengths cover {int(counts.sum())} pixels, not {height} x {width}",
            remedy="Check that they belong to an image of this size",
        )
    values = np.arange(counts.size) % 2 == 1
    return np.repeat(values, counts).reshape((height, width), order="F")


def decode_at(runs: RunLengths, box: Box) -> NDArray[np.bool_]:
    """The part of a mask inside ``box``: boolean (box height, box width), as ``decode`` gives it.

    Only the box's columns are ever laid out.
    """
    height = runs.size.height
    start, stop = box.left * height, box.right * height
    edges = np.zeros(len(runs.counts) + 1, dtype=np.int64)
    np.cumsum(runs.counts, out=edges[1:])
    lengths = np.diff(edges.clip(start, stop))
    columns = np.repeat(np.arange(lengths.size) % 2 == 1, lengths)
    return columns.reshape((height, box.width), order="F")[box.top : box.bottom]


def bounding_box(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box around the pixels that are set; ``None`` where none is."""
    columns = np.flatnonzero(mask.any(axis=0))
    if not columns.size:
        return None
    rows = np.flatnonzero(mask.any(axis=1))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def union(masks: Iterable[RunLengths], size: Size) -> NDArray[np.bool_]:
    """Pixels that are set in any of the masks, all of this size: boolean (height, width)."""
    whole = np.zeros(size, dtype=bool)
    for runs in masks:
        if runs.size != size:
            raise MaskError(
                f"a mask of {runs.size.height} x {runs.size.width} pixels is laid over an image of"
                f" {size.height} x {size.width}"
            )
        whole |= decode(runs)
    return whole


def intersection(first: RunLengths, second: RunLengths) -> int:
    """How many pixels are set in both of two masks of one size."""
    return int(np.count_nonzero(decode(first) & decode(second)))
