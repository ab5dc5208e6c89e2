"""Charts as inline SVG: axes with round ticks, lines and steps, bands, rules and marks.

Colours come from the page's style sheet, so that one chart serves a light page, a dark one and a
printed one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from flawscope.report.pages import environment
from flawscope.report.wording import percent, short

SERIES_COLOURS = 7

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 12, 46


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what it shows, from where to where.

    Attributes:
        label: what it shows, with its unit.
        low: value at its start; above 0 on a logarithmic axis.
        high: value at its end, above ``low``.
        shares: ticks are written in percent.
        logarithmic: equal distances are equal factors.
    """

    label: str
    low: float
    high: float
    shares: bool = False
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """Where a value lies along the axis: 0 at its start, 1 at its end."""
        if self.logarithmic:
            return math.log(max(value, 1e-300) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[tuple[float, str]]:
        """Round values on the axis, and how they are written."""
        values = _decades(self) if self.logarithmic else _round_steps(self)
        return [(value, percent(value) if self.shares else short(value)) for value in values]


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points; it breaks where a value is NaN.

    Attributes:
        name: for the legend.
        x: values along the horizontal axis.
        y: values along the vertical axis, as many.
        colour: 1 to ``SERIES_COLOURS``, of the page's style sheet.
        steps: keep each value until the next one, rather than slope.
        dashed: draw it dashed.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    colour: int = 1
    steps: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A ring at a point, with words beside it."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Rule:
    """An upright line at a value of the horizontal axis, with words at its head."""

    x: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart; ``description`` is for those who cannot see it."""

    x: Axis
    y: Axis
    series: Sequence[Series]
    description: str
    marks: Sequence[Mark] = ()
    rules: Sequence[Rule] = ()
    width: int = 440
    height: int = 290

    def svg(self) -> Markup:
        """The chart as an ``<svg>`` element; a series without any finite point is left out."""
        template = environment().get_template("chart.html")
        return Markup(  # noqa: S704 - a rendered template, escaped
            template.render(
                chart=self,
                left=_LEFT,
                right=self.width - _RIGHT,
                top=_TOP,
                bottom=self.height - _BOTTOM,
                columns=[(self.across(value), text) for value, text in self.x.ticks()],
                rows=[(self.down(value), text) for value, text in self.y.ticks()],
                lines=[(line, self.path(line)) for line in self.series if self.path(line)],
                rules=[(self.across(rule.x), rule.label) for rule in self.rules],
                marks=[(self.across(mark.x), self.down(mark.y), mark) for mark in self.marks],
            )
        )

    def across(self, value: float) -> float:
        """The horizontal coordinate of a value."""
        return round(_LEFT + self.x.share(value) * (self.width - _LEFT - _RIGHT), 1)

    def down(self, value: float) -> float:
        """The vertical coordinate of a value."""
        return round(self.height - _BOTTOM - self.y.share(value) * self._rise, 1)

    @property
    def _rise(self) -> int:
        return self.height - _TOP - _BOTTOM

    def path(self, series: Series) -> str:
        """A series as the data of an SVG path."""
        return "".join(self._commands(series))

    def _commands(self, series: Series) -> Iterator[str]:
        drawing = False
        for x, y in zip(series.x, series.y, strict=True):
            if not (math.isfinite(x) and math.isfinite(y)):
                drawing = False
            elif not drawing:
                drawing = True
                yield f"M{self.across(x):g} {self.down(y):g}"
            elif series.steps:
                yield f"H{self.across(x):g}V{self.down(y):g}"
            else:
                yield f"L{self.across(x):g} {self.down(y):g}"


def span(values: Iterable[float], *, logarithmic: bool = False) -> tuple[float, float]:
    """Low and high ends of an axis that shows all finite values, with a little room above."""
    finite = [v for v in values if math.isfinite(v) and (v > 0 or not logarithmic)]
    if not finite:
        return (0.1, 1.0) if logarithmic else (0.0, 1.0)
    low, high = min(finite), max(finite)
    if logarithmic:
        return low / 1.1, high * 1.1
    low = min(0.0, low)
    return low, high + 0.05 * (high - low) if high > low else low + 1.0


def _round_steps(axis: Axis) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten: four to seven or so."""
    rough = (axis.high - axis.low) / 6
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= 0.999 * rough)
    first, last = math.ceil(axis.low / step - 1e-9), math.floor(axis.high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


def _decades(axis: Axis) -> list[float]:
    """Powers of ten; where the axis holds fewer than two, also twice and five times them."""
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    for digits in ((1,), (1, 2, 5)):
        ticks = [float(digit * 10.0**power) for power in powers for digit in digits]
        inside = [tick for tick in ticks if axis.low <= tick <= axis.high]
        if len(inside) > 1:
            return inside
    return inside
