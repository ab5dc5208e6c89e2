"""What a page says of one part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from flawscope.masks import length_and_width
from flawscope.report.pictures import (
    data_uri,
    heat_layer,
    outline_path,
    pixels_in_box,
    shrunk,
)
from flawscope.report.wording import area, count, duration, extent, percent
from flawscope.runtime import Examination
from flawscope.values import Box, Defect, Inspection, KindPolicy, Policy, Size, Verdict

PICTURE_SIDE = 1024
"""Longest side in pixels of a page's full pictures; the files beside the page are not reduced."""

THUMBNAIL_SIDE = 256

_HEAT_SIDE = 384
_MOST_DEFECTS = 200
"""Defects of one part that are listed and outlined, the surest first."""


@dataclass(frozen=True, slots=True)
class DefectView:
    """One defect as a page shows it; ``path`` and ``small_path`` are its outline in SVG."""

    kind: str
    colour: str
    box: Box
    path: str
    small_path: str
    probability: str
    extent: str
    area: str


@dataclass(frozen=True, slots=True)
class KindView:
    """The probability of one kind as a page shows it; ``position`` is in percent."""

    name: str
    colour: str
    probability: str
    position: float


@dataclass(frozen=True, slots=True)
class PartView:
    """One part as a page shows it: words, and figures only where scripts sort by them."""

    number: int
    inspection: Inspection
    thumbnail: str
    description: str
    probability: str
    position: float
    area: int
    shown: tuple[str, ...]
    defects: tuple[DefectView, ...]
    kinds: tuple[KindView, ...]
    times: tuple[tuple[str, str], ...]

    @property
    def small_shapes(self) -> list[tuple[str, str]]:
        """Outlines for the thumbnail, each with its colour."""
        return [(defect.small_path, defect.colour) for defect in self.defects]


def part_view(
    number: int,
    examination: Examination,
    policy: Policy,
    colours: Mapping[str, str],
    mm_per_pixel: float | None = None,
) -> PartView:
    """What a page says of one part.

    Args:
        number: of the part, from 1, unique on its page.
        examination: of the part.
        policy: of the model, which says from what probability a kind counts as shown.
        colours: by kind.
        mm_per_pixel: for sizes in millimetres.
    """
    inspection = examination.inspection
    listed = inspection.defects[:_MOST_DEFECTS]
    pixels = [pixels_in_box(defect) for defect in listed]
    ranked = sorted(inspection.kinds.items(), key=lambda item: -item[1])
    return PartView(
        number=number,
        inspection=inspection,
        thumbnail=data_uri(shrunk(examination.image, THUMBNAIL_SIDE), quality=65),
        description=_description(inspection),
        probability=percent(inspection.score),
        position=round(100 * inspection.score, 1),
        area=sum(int(np.count_nonzero(inside)) for inside in pixels),
        shown=_shown(inspection, policy),
        defects=tuple(
            _defect_view(defect, inside, inspection.size, colours[defect.kind], mm_per_pixel)
            for defect, inside in zip(listed, pixels, strict=True)
        ),
        kinds=tuple(
            KindView(kind, colours[kind], percent(share), round(100 * share, 1))
            for kind, share in ranked
        ),
        times=tuple((stage, duration(time)) for stage, time in inspection.seconds.items()),
    )


def _defect_view(
    defect: Defect,
    pixels: NDArray[np.bool_],
    size: Size,
    colour: str,
    mm_per_pixel: float | None,
) -> DefectView:
    return DefectView(
        kind=defect.kind,
        colour=colour,
        box=defect.box,
        path=outline_path(pixels, defect.box, size, PICTURE_SIDE),
        small_path=outline_path(pixels, defect.box, size, THUMBNAIL_SIDE),
        probability=percent(defect.score),
        extent=extent(*length_and_width(pixels), mm_per_pixel),
        area=area(int(np.count_nonzero(pixels)), mm_per_pixel),
    )


def _shown(inspection: Inspection, policy: Policy) -> tuple[str, ...]:
    """Kinds that a part shows: those located, and those probable where it was not accepted."""
    shown = dict.fromkeys(defect.kind for defect in inspection.defects)
    if inspection.verdict is not Verdict.ACCEPT:
        for kind, share in inspection.kinds.items():
            if share >= policy.kinds.get(kind, KindPolicy()).probability:
                shown[kind] = None
    return tuple(shown)


def _description(inspection: Inspection) -> str:
    """The picture in words, for those who cannot see it."""
    found = count(len(inspection.defects), "defect") if inspection.defects else "no defect"
    return f"{inspection.id}: {inspection.verdict}, {found} outlined"


def full_picture(number: int, examination: Examination) -> Markup:
    """The picture and probability map of a part as data that nothing decodes until it is shown."""
    held = {"picture": data_uri(shrunk(examination.image, PICTURE_SIDE))}
    if examination.heat is not None:
        held["heat"] = data_uri(heat_layer(examination.heat, _HEAT_SIDE), quality=70)
    template = '<script type="application/json" id="full-{}">{}</script>\n'
    return Markup(template).format(number, Markup(json.dumps(held)))  # noqa: S704 - base64 only
