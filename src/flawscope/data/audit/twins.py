"""Copies of one photograph: exact, or recompressed, relit, resized, flipped or turned."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.data.audit.likeness import evened, unlikely
from flawscope.data.audit.looks import SQUARE, Look, pixel_digest
from flawscope.data.progress import Progress, silent, told
from flawscope.errors import ImageError
from flawscope.images import open_image

_FREQUENCIES = 16
_NEIGHBOURS = 8
_BLOCK = 256
_SCENE_PRIOR = 20.0
_BLANK = 0.05
_LOWEST, _HIGHEST = 0.8, 0.95

_TINY = 1e-6

_PARITIES = ((0, 0), (0, 1), (1, 0), (1, 1))
_SIGNS = np.array(
    [[(-1.0) ** (v * down + u * across) for down, across in _PARITIES] for v, u in _PARITIES],
    np.float32,
)
"""What a flip (in columns: none, across, down, both) does to waves of each parity (in rows)."""

Floats = NDArray[np.float32]
Waves = NDArray[np.float16]
Indices = NDArray[np.intp]


class Twins(NamedTuple):
    """Two images of nearly the same pixels: their ids, and their correlation in [-1, 1]."""

    first: str
    second: str
    likeness: float


def exact_copies(looks: Mapping[str, Look]) -> list[tuple[str, ...]]:
    """Sets of ids whose pixels are equal.

    Images that were decoded reduced are decoded whole where another might be their copy.
    """
    sizes = {look.size for look in looks.values() if look.digest is not None}
    alike = Counter(_outline(look) for look in looks.values() if look.digest is None)
    same: dict[bytes, list[str]] = defaultdict(list)
    for look in looks.values():
        digest = look.digest
        if digest is None and (look.size in sizes or alike[_outline(look)] > 1):
            digest = _digest(look)
        if digest is not None:
            same[digest].append(look.id)
    return [tuple(sorted(ids)) for ids in same.values() if len(ids) > 1]


def _outline(look: Look) -> int:
    return hash((look.size, look.grey.tobytes(), look.square.tobytes()))


def _digest(look: Look) -> bytes | None:
    try:
        return pixel_digest(open_image(look.image))
    except ImageError:  # it was whole a moment ago
        return None


def near_copies(looks: Mapping[str, Look], progress: Progress = silent) -> list[Twins]:
    """Pairs that show nearly the same pixels under one of the 8 flips and right-angle turns.

    Candidates are nearest neighbours by a descriptor that no flip or turn changes; each is then
    compared in all 8 positions. Exact copies are among them; blank images never are.
    """
    waves, ids = _all_waves(looks.values())
    if len(ids) < 2:
        return []
    # In a fixed scene all images share most pixels; only what is left over can tell copies.
    scene = waves.mean(axis=0, dtype=np.float32) * (len(ids) / (len(ids) + _SCENE_PRIOR))
    table = _Correlations(waves, scene, progress)
    bar = unlikely(len(ids), table.best_of_eight, low=_LOWEST, high=_HIGHEST)
    first, second = _candidates(_descriptors(waves))
    return [
        Twins(min(ids[i], ids[j]), max(ids[i], ids[j]), float(alike))
        for i, j, alike in zip(first, second, table.best_of_eight(first, second), strict=True)
        if alike >= bar
    ]


def _all_waves(looks: Collection[Look]) -> tuple[Waves, list[str]]:
    """The waves of all images that are not blank, and their ids."""
    half = SQUARE // 2
    table = np.empty((len(looks), len(_PARITIES), half, half), np.float16)
    ids: list[str] = []
    for look in looks:
        if (waves := _waves(look)) is not None:
            table[len(ids)] = waves
            ids.append(look.id)
    return table[: len(ids)], ids


def _waves(look: Look) -> Waves | None:
    """The evened image, squashed square, as cosine waves; ``None`` where it is blank.

    Of mean 0 and length 1. A flip only changes the signs of waves that are odd along it, so the
    coefficients (v, u) are kept as four tables (4, side / 2, side / 2), in which v and u are: both
    even; even and odd; odd and even; both odd.
    """
    even = evened(look.square)
    even -= even.mean()
    length = float(np.linalg.norm(even))
    if length < _BLANK * even.size**0.5:
        return None
    table = cv2.dct(even / length)
    return np.stack([table[v::2, u::2] for v, u in _PARITIES]).astype(np.float16)


def _descriptors(waves: Waves) -> Floats:
    """One unit vector an image, equal for all 8 flips and turns of it.

    A flip only changes signs of cosine coefficients and a transposition swaps (u, v) with
    (v, u), so the larger and the smaller magnitude of each such couple stay what they are.
    """
    side = 2 * waves.shape[-1]
    rows, columns = np.triu_indices(_FREQUENCIES)
    found = []
    for tables in waves:
        whole = np.empty((side, side), np.float32)
        for (v, u), table in zip(_PARITIES, tables, strict=True):
            whole[v::2, u::2] = np.abs(table)
        upper, lower = whole[rows, columns], whole[columns, rows]
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


class _Correlations:
    """Correlations of images without the scene that they share, in the best of 8 positions.

    Waves are orthonormal, so a product of images is the product of their waves, and those of the
    four flips differ only in the signs of four sums.

    Args:
        waves: (n, 4, half, half), as of ``_waves``.
        scene: (4, half, half), the waves that all images share.
        progress: told of every block of pairs.
    """

    def __init__(self, waves: Waves, scene: Floats, progress: Progress) -> None:
        self._waves = waves
        self._progress = progress
        count = len(waves)
        self._on_scene = np.empty((count, 2, 4), np.float32)
        self._square = np.empty(count, np.float32)
        for start in range(0, count, _BLOCK):
            block = waves[start : start + _BLOCK].astype(np.float32)
            part = slice(start, start + _BLOCK)
            self._on_scene[part, 0] = np.einsum("nqij,qij->nq", block, scene)
            self._on_scene[part, 1] = np.einsum("nqij,qij->nq", _transposed(block), scene)
            self._square[part] = np.einsum("nqij,nqij->n", block, block)
        self._scene_square = float(np.sum(scene * scene))

    def best_of_eight(self, first: Indices, second: Indices) -> Floats:
        """Correlation of pairs, given as two arrays of indices, in the best position."""
        best = np.empty(len(first), np.float32)
        blocks = range(0, len(first), _BLOCK)
        for start in told(blocks, "looking for copies", len(blocks), self._progress):
            part = slice(start, start + _BLOCK)
            best[part] = self._best(first[part], second[part])
        return best

    def _best(self, first: Indices, second: Indices) -> Floats:
        one = self._waves[first].astype(np.float32)
        other = self._waves[second].astype(np.float32)
        sums = np.stack(
            [
                np.einsum("nqij,nqij->nq", one, other),
                np.einsum("nqij,nqij->nq", one, _transposed(other)),
            ],
            axis=1,
        )
        products = sums @ _SIGNS  # (pairs, 2 transpositions, 4 flips)
        fixed = self._on_scene[first, 0].sum(axis=1)[:, None, None]
        moving = self._on_scene[second] @ _SIGNS
        fixed_square = self._square[first][:, None, None] - 2 * fixed + self._scene_square
        moving_square = self._square[second][:, None, None] - 2 * moving + self._scene_square
        lengths = np.sqrt(np.maximum(fixed_square, _TINY) * np.maximum(moving_square, _TINY))
        alike = (products - fixed - moving + self._scene_square) / lengths
        return np.asarray(alike.reshape(len(first), 8).max(axis=1), np.float32)


def _transposed(waves: Floats) -> Floats:
    """The waves (..., 4, half, half) of the transposed images: even-odd ones become odd-even."""
    return np.swapaxes(waves[..., [0, 2, 1, 3], :, :], -1, -2)
