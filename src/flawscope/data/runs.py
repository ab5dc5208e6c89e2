"""Run lengths as data sets write them: COCO's compressed strings and Kaggle's pairs."""

from __future__ import annotations

import re

import numpy as np

from flawscope.errors import MaskError
from flawscope.values import RunLengths, Size

_WHOLE = re.compile("-?[0-9]+")
_ZERO = 48
_MORE, _SIGN, _BITS = 0x20, 0x10, 0x1F

NOTHING = frozenset({"", "0 0", "-1", "nan"})
"""Kaggle's ways to write that a class is not there."""


def from_coco_string(text: str, size: Size) -> RunLengths:
    """COCO's compressed run lengths (Lin et al. 2014, the ``counts`` of an annotation).

    Each number is written in groups of five bits, lowest first, one character a group; from the
    fourth on, numbers are differences to the one two before.

    Raises:
        MaskError: the string is cut short, has other characters, or does not fit ``size``.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - _ZERO
        if not 0 <= group < 2 * _MORE:
            raise MaskError(f"compressed run lengths with the character {character!r}")
        value |= (group & _BITS) << shift
        shift += 5
        if not group & _MORE:
            if group & _SIGN:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value = shift = 0
    if shift:
        raise MaskError("compressed run lengths that end within a number")
    return checked(counts, size)


def to_coco_string(runs: RunLengths) -> str:
    """The compressed form that ``from_coco_string`` reads."""
    characters = []
    for index, count in enumerate(runs.counts):
        value = count - runs.counts[index - 2] if index > 2 else count
        while True:
            group = value & _BITS
            value >>= 5
            done = value == (-1 if group & _SIGN else 0)
            characters.append(chr(_ZERO + group + (0 if done else _MORE)))
            if done:
                break
    return "".join(characters)


def checked(counts: list[int], size: Size) -> RunLengths:
    """Run lengths of COCO's uncompressed form.

    Raises:
        MaskError: one is negative, or they do not add up to ``size``.
    """
    if any(count < 0 for count in counts):
        raise MaskError("a run length is negative")
    if sum(counts) != size.height * size.width:
        raise MaskError(f"run lengths cover {sum(counts)} pixels, not {size.width} x {size.height}")
    return RunLengths(size, tuple(counts))


def from_kaggle(text: str, size: Size) -> RunLengths:
    """Kaggle's run lengths: pairs of a first pixel, counted from 1 down the columns, and a length.

    Runs must be in order, as the competition's own scoring wants them.

    Raises:
        MaskError: an odd number of numbers, one that is none or not positive, runs that are out of
            order, overlap or reach beyond the image.
    """
    pixels = size.height * size.width
    if text.strip().lower() in NOTHING:
        return RunLengths(size, (pixels,))
    words = text.split()
    try:
        if not all(map(_WHOLE.fullmatch, words)):
            raise ValueError
        numbers = np.array(words, dtype=np.int64)
    except (ValueError, OverflowError) as error:
        raise MaskError("run lengths that are not whole numbers") from error
    if numbers.size % 2:
        raise MaskError(f"{numbers.size} numbers do not make pairs of a start and a length")
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    if (starts < 0).any() or (lengths < 1).any():
        raise MaskError("a run starts before the first pixel or has no length")
    outside = lengths > pixels - starts
    if outside.any():
        beyond = int(np.argmax(outside))
        raise MaskError(
            f"the run {starts[beyond] + 1} {lengths[beyond]} ends beyond the last of"
            f" {size.width} x {size.height} pixels"
        )
    ends = starts + lengths
    if (starts[1:] < starts[:-1]).any():
        raise MaskError("the runs are not in order")
    if (starts[1:] < ends[:-1]).any():
        raise MaskError("two runs overlap")
    gaps = starts - np.concatenate(([0], ends[:-1]))
    counts = np.stack([gaps, lengths], axis=1).ravel().tolist()
    return RunLengths(size, tuple(counts) + ((pixels - int(ends[-1])),))


def to_kaggle(runs: RunLengths) -> str:
    """The form that ``from_kaggle`` reads; an empty string for an empty mask."""
    ends = np.cumsum(np.asarray(runs.counts, dtype=np.int64))
    starts = ends[:-1:2] + 1
    lengths = np.asarray(runs.counts[1::2], dtype=np.int64)
    pairs = zip(starts.tolist(), lengths.tolist(), strict=True)
    return " ".join(f"{start} {length}" for start, length in pairs if length)
