"""How far two groupings of the same things agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from math import comb


def adjusted_rand_index(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Agreement of two groupings, corrected for chance (Hubert and Arabie 1985).

    1 where they are the same whatever the names, about 0 for unrelated ones, at worst -0.5.

    Args:
        first: the group of each thing.
        second: the group of each thing in the other grouping, in the same order.

    Raises:
        ValueError: the groupings are of different lengths.
    """
    if len(first) != len(second):
        raise ValueError(f"groupings of {len(first)} and of {len(second)} things")
    together = _pairs(Counter(zip(first, second, strict=True)).values())
    in_first, in_second = _pairs(Counter(first).values()), _pairs(Counter(second).values())
    everything = comb(len(first), 2)
    if everything == 0:
        return 1.0
    by_chance = in_first * in_second / everything
    at_most = (in_first + in_second) / 2
    # Equal only where both put all things together or both put each alone.
    return 1.0 if at_most == by_chance else (together - by_chance) / (at_most - by_chance)


def _pairs(sizes: Iterable[int]) -> int:
    return sum(comb(size, 2) for size in sizes)
