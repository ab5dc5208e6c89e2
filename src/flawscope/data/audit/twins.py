"""Copies of one photograph: exact, or recompressed, relit, resized, flipped or turned."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.data.audit.likeness import evened, unlikely
from flawscope.data.audit.looks import Look
from flawscope.data.progress import Progress, silent, told

_FREQUENCIES = 16
_NEIGHBOURS = 8
_BLOCK = 256
_SCENE_PRIOR = 20.0
_BLANK = 0.05
_LOWEST, _HIGHEST = 0.8, 0.95

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


class Twins(NamedTuple):
    """Two images of nearly the same pixels: their ids, and their correlation in [-1, 1]."""

    first: str
    second: str
    likeness: float


def exact_copies(looks: Mapping[str, Look]) -> list[tuple[str, ...]]:
    """Sets of ids whose pixels are equal."""
    same: dict[bytes, list[str]] = defaultdict(list)
    for look in looks.values():
        same[look.digest].append(look.id)
    return [tuple(sorted(ids)) for ids in same.values() if len(ids) > 1]


def near_copies(looks: Mapping[str, Look], progress: Progress = silent) -> list[Twins]:
    """Pairs that show nearly the same pixels under one of the 8 flips and right-angle turns.

    Candidates are nearest neighbours by a descriptor that no flip or turn changes; each is then
    compared in all 8 positions. Exact copies are among them; blank images never are.
    """
    evened_squares = {look.id: _square(look) for look in looks.values()}
    ids = [id_ for id_, square in evened_squares.items() if square is not None]
    if len(ids) < 2:
        return []
    squares = np.stack([square for square in evened_squares.values() if square is not None])
    # In a fixed scene all images share most pixels; only what is left over can tell copies.
    scene = squares.mean(axis=0, dtype=np.float32) * (len(ids) / (len(ids) + _SCENE_PRIOR))

    def compare(first: Indices, second: Indices) -> Floats:
        return _best_of_eight(squares, scene, first, second, progress)

    bar = unlikely(len(ids), compare, low=_LOWEST, high=_HIGHEST)
    first, second = _candidates(_descriptors(squares))
    found = compare(first, second)
    return [
        Twins(min(ids[i], ids[j]), max(ids[i], ids[j]), float(alike))
        for i, j, alike in zip(first, second, found, strict=True)
        if alike >= bar
    ]


def _square(look: Look) -> NDArray[np.float16] | None:
    """The evened image, squashed square, of mean 0 and length 1; ``None`` where it is blank."""
    even = evened(look.square)
    even -= even.mean()
    length = float(np.linalg.norm(even))
    return None if length < _BLANK * even.size**0.5 else (even / length).astype(np.float16)


def _descriptors(squares: NDArray[np.float16]) -> Floats:
    """One unit vector an image, equal for all 8 flips and turns of it.

    A flip only changes signs of cosine coefficients and a transposition swaps (u, v) with
    (v, u), so the larger and the smaller magnitude of each such couple stay what they are.
    """
    rows, columns = np.triu_indices(_FREQUENCIES)
    found = []
    for square in squares:
        small = square.astype(np.float32)
        waves = np.abs(cv2.dct(small)[:_FREQUENCIES, :_FREQUENCIES])
        upper, lower = waves[rows, columns], waves[columns, rows]
        found.append(np.concatenate([np.maximum(upper, lower), np.minimum(upper, lower)]))
    table = np.stack(found)
    # What all images share says nothing about which are copies.
    table -= table.mean(axis=0)
    table /= table.std(axis=0) + 1e-6
    return np.asarray(
        table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6), np.float32
    )


def _candidates(descriptors: Floats) -> tuple[Indices, Indices]:
    """Each image with its nearest neighbours: two arrays of indices, smaller first, no repeats."""
    count = len(descriptors)
    near = min(_NEIGHBOURS, count - 1)
    pairs = []
    for start in range(0, count, _BLOCK):
        block = descriptors[start : start + _BLOCK]
        alike = block @ descriptors.T
        own = np.arange(len(block))
        alike[own, start + own] = -np.inf
        best = np.argpartition(-alike, near - 1, axis=1)[:, :near]
        pairs.append(np.stack([np.repeat(start + own, near), best.ravel()], axis=1))
    unique = np.unique(np.sort(np.concatenate(pairs), axis=1), axis=0)
    return unique[:, 0], unique[:, 1]


def _best_of_eight(
    squares: NDArray[np.float16],
    scene: Floats,
    first: Indices,
    second: Indices,
    progress: Progress,
) -> Floats:
    """Correlation of pairs, without the scene, in the best of 8 positions of the second."""
    best = np.full(len(first), -1.0, np.float32)
    blocks = range(0, len(first), _BLOCK)
    for start in told(blocks, "looking for copies", len(blocks), progress):
        part = slice(start, start + _BLOCK)
        fixed = _unit(squares[first[part]] - scene)
        moving = squares[second[part]].astype(np.float32)
        for turned in _eight_positions(moving):
            alike = np.einsum("nij,nij->n", fixed, _unit(turned - scene))
            np.maximum(best[part], alike, out=best[part])
    return best


def _unit(images: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("nij,nij->n", images, images))
    return np.asarray(images / np.maximum(lengths, 1e-6)[:, None, None], np.float32)


def _eight_positions(images: Floats) -> Sequence[Floats]:
    """The flips and right-angle turns of square images (n, side, side)."""
    flipped = [images, images[:, ::-1], images[:, :, ::-1], images[:, ::-1, ::-1]]
    return [*flipped, *(image.transpose(0, 2, 1) for image in flipped)]
