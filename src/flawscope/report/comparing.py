"""Truth beside prediction on one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flawscope.report.palette import FOUND_COLOUR, TRUTH_COLOUR
from flawscope.report.pictures import data_uri, outline_path, pixels_in_box, shrunk
from flawscope.report.wording import percent
from flawscope.runtime import Examination
from flawscope.values import Defect, Sample, Size

_SIDE = 512


@dataclass(frozen=True, slots=True)
class Comparison:
    """A labelled part and what a model said of it."""

    sample: Sample
    examination: Examination


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """A comparison as a page shows it; shapes are (SVG path, CSS class, colour)."""

    id: str
    size: Size
    picture: str
    verdict: str
    probability: str
    truth: str
    found: str
    shapes: tuple[tuple[str, str, str], ...]


def comparison_view(comparison: Comparison) -> ComparisonView:
    """The picture of a comparison: truth dashed in one colour, prediction solid in another."""
    sample, inspection = comparison.sample, comparison.examination.inspection
    truth = _shapes(sample.defects or (), inspection.size, "truth", TRUTH_COLOUR)
    found = _shapes(inspection.defects, inspection.size, "found", FOUND_COLOUR)
    return ComparisonView(
        id=sample.id,
        size=inspection.size,
        picture=data_uri(shrunk(comparison.examination.image, _SIDE)),
        verdict=inspection.verdict.value,
        probability=percent(inspection.score),
        truth=named(sample.kinds, sample.label.value),
        found=named([defect.kind for defect in inspection.defects], "nothing"),
        shapes=(*found, *truth),
    )


def named(kinds: Sequence[str] | None, otherwise: str) -> str:
    """Kinds once each, in words."""
    return ", ".join(dict.fromkeys(kinds or ())) or otherwise


def _shapes(
    defects: tuple[Defect, ...], size: Size, role: str, colour: str
) -> list[tuple[str, str, str]]:
    return [
        (outline_path(pixels_in_box(defect), defect.box, size, _SIDE), role, colour)
        for defect in defects
    ]
