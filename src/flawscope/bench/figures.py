"""From readings to figures: shares, percentiles, ratios and their spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

PERCENTILES: Mapping[str, float] = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

_LOW, _HIGH = 0.05, 0.95


@dataclass(frozen=True, slots=True)
class Spread:
    """A median over rounds, and the 5th and 95th percentile of them."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """What one line of parts came to; the last four are ``None`` where nothing was compared.

    Attributes:
        images_per_second: median over the rounds.
        against_images_per_second: the other side's.
        ratio: median over the rounds of how many times as fast, each of a pair in turn.
        ratio_low, ratio_high: 5th and 95th percentile of the rounds' ratios.
    """

    images_per_second: float
    against_images_per_second: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None


def composed(good: Sequence[float], defective: Sequence[float], share: float) -> float:
    """Mean seconds a part, on a line with a share of defective parts.

    Args:
        good: seconds of good parts.
        defective: seconds of defective parts.
        share: from 0 to 1; what has no share may be empty.
    """
    return (1.0 - share) * _mean(good, 1.0 - share) + share * _mean(defective, share)


def _mean(values: Sequence[float], weight: float) -> float:
    return float(np.mean(values)) if weight > 0.0 else 0.0


def percentiles(
    good: Sequence[float], defective: Sequence[float], share: float
) -> dict[str, float]:
    """Of a part's seconds on a line with a share of defective parts, by ``PERCENTILES``.

    The smallest of the measured values that the given part of all parts stays within: numpy's
    ``inverted_cdf``, weighted so that defective parts have their share.
    """
    values = np.array([*good, *defective])
    weights = np.repeat(
        [(1.0 - share) / max(1, len(good)), share / max(1, len(defective))],
        [len(good), len(defective)],
    )
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return {
        name: float(values[order][np.searchsorted(reached, part - 1e-9)])
        for name, part in PERCENTILES.items()
    }


def spread(values: Sequence[float]) -> Spread:
    """Median, 5th and 95th percentile, by numpy's linear interpolation."""
    median, low, high = np.quantile(values, (0.5, _LOW, _HIGH))
    return Spread(float(median), float(low), float(high))


def row(paces: Sequence[float], against: Sequence[float] | None = None) -> Row:
    """A row from seconds a part.

    Args:
        paces: one a round.
        against: the other side's, of the same rounds.
    """
    rate = float(np.median(1.0 / np.asarray(paces)))
    if against is None:
        return Row(rate)
    ratio = spread([theirs / ours for ours, theirs in zip(paces, against, strict=True)])
    other = float(np.median(1.0 / np.asarray(against)))
    return Row(rate, other, ratio.median, ratio.low, ratio.high)
