"""95 % intervals: Wilson's for proportions, a bootstrap of whole groups for everything else.

Images of one physical part say nearly the same thing, so neither kind takes them for independent:
the bootstrap draws groups, and Wilson's interval is given the number of images that would be worth
as much if they were independent.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from flawscope.values import Estimate

LEVEL = 0.95
RESAMPLES = 1000
SEED = 0
NORMAL_QUANTILE = 1.959963984540054
"""Of the standard normal distribution, for a two-sided interval at ``LEVEL``."""

NOTHING = Estimate(None, None, None, 0)
"""The estimate of a figure that no image bears on."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Statistic = Callable[[Floats], Floats]
"""From weights of images (resamples, n) to figures (resamples, m); NaN where there is none."""

_CELLS = 1_000_000
"""Weights held at once; bounds the memory of a bootstrap whatever the number of images."""


def numbered(groups: Sequence[Hashable]) -> Ints:
    """Groups as numbers from 0, (n,), in order of their first image; ``None`` is its own group."""
    seen: dict[Hashable, int] = {}
    keys = ((place,) if group is None else group for place, group in enumerate(groups))
    return np.array([seen.setdefault(key, len(seen)) for key in keys], dtype=np.int64)


def wilson(successes: float, n: float) -> tuple[float, float]:
    """Wilson's score interval at ``LEVEL`` for a proportion (Wilson 1927), inside [0, 1].

    Args:
        successes: from 0 to ``n``.
        n: number of independent trials, above 0; need not be whole.
    """
    square = NORMAL_QUANTILE**2
    share = successes / n
    centre = (share + square / (2 * n)) / (1 + square / n)
    spread = np.sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    low = min(max(0.0, centre - NORMAL_QUANTILE * spread), share)
    high = max(min(1.0, centre + NORMAL_QUANTILE * spread), share)
    return float(low), float(high)


def proportion(hits: Bools, groups: Ints) -> Estimate:
    """The share of hits (n,) with Wilson's interval.

    Its number of trials is n divided by the design effect of the groups (Kish 1965): the variance
    of the share among groups over that among independent images, at least 1. With one image a
    group, or no hit, or nothing but hits, that is Wilson's plain interval.
    """
    n = hits.size
    if not n:
        return NOTHING
    share = float(hits.mean())
    effect = 1.0
    if 0.0 < share < 1.0:
        residuals = np.bincount(groups, weights=hits - share)
        effect = max(1.0, float(np.sum(residuals**2)) / (n * share * (1 - share)))
    return Estimate(share, *wilson(share * n / effect, n / effect), n)


def estimates(
    statistic: Statistic, groups: Ints, hinges: Bools, counts: Sequence[int]
) -> list[Estimate]:
    """Figures with percentile intervals of a bootstrap that resamples whole groups.

    The seed is fixed: the same data give the same intervals. Resamples in which a figure does not
    exist (its kind was not drawn) are left out of its interval. A figure that hinges on the images
    of a single group has none, and a perfect or a worthless one, of which every resample is as
    perfect or as worthless, gets Wilson's for as many trials as groups it hinges on.

    Args:
        statistic: from weights (resamples, n) to figures (resamples, m).
        groups: number of each image's group, (n,), from 0 without gaps.
        hinges: (n, m), the images without which a figure would say nothing.
        counts: how many images each of the m figures rests on.
    """
    n = groups.size
    if not n:
        return [NOTHING] * len(counts)
    values = statistic(np.ones((1, n)))[0]
    draws = np.concatenate([statistic(weights) for weights in _resampled(groups)])
    return [
        _interval(float(value), column, np.unique(groups[hinge]).size, count)
        for value, column, hinge, count in zip(values, draws.T, hinges.T, counts, strict=True)
    ]


def _resampled(groups: Ints) -> Iterator[Floats]:
    """Weights of the images, (resamples, n), a bounded number of resamples at a time."""
    generator = np.random.default_rng(SEED)
    total = int(groups.max()) + 1
    step = max(1, _CELLS // groups.size)
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        drawn = generator.integers(total, size=(rows, total))
        drawn += np.arange(rows)[:, None] * total
        times = np.bincount(drawn.ravel(), minlength=rows * total).reshape(rows, total)
        yield times[:, groups].astype(np.float64)


def _interval(value: float, draws: Floats, groups: int, count: int) -> Estimate:
    if np.isnan(value):
        return Estimate(None, None, None, count)
    draws = draws[~np.isnan(draws)]
    if groups < 2 or draws.size < RESAMPLES // 10:
        return Estimate(value, None, None, count)
    if value in {0.0, 1.0} and np.all(draws == value):
        return Estimate(value, *wilson(value * groups, groups), count)
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, min(float(low), value), max(float(high), value), count)
