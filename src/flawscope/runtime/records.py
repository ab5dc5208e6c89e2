"""An inspection as a JSON object: one line of ``flawscope inspect --json``."""

from __future__ import annotations

from typing import Any

from flawscope.masks import decode_at, outlines
from flawscope.runtime.words import extent_of
from flawscope.values import Defect, Inspection


def record(inspection: Inspection, *, mm_per_pixel: float | None = None) -> dict[str, Any]:
    """The JSON object of an inspection.

    Boxes are ``[left, top, right, bottom]``, half-open; outlines are rings of ``[x, y]`` along
    pixel borders, to be filled by the even-odd rule; masks are COCO's uncompressed run lengths
    with ``size`` as ``[height, width]``. Lengths and areas are in pixels, and in millimetres too
    where the scale is given.
    """
    return {
        "id": inspection.id,
        "size": list(inspection.size),
        "verdict": inspection.verdict.value,
        "score": inspection.score,
        "kinds": dict(inspection.kinds),
        "defects": [_defect(defect, mm_per_pixel) for defect in inspection.defects],
        "reasons": list(inspection.reasons),
        "model": inspection.model,
        "seconds": {stage: round(spent, 6) for stage, spent in inspection.seconds.items()},
    }


def _defect(defect: Defect, mm_per_pixel: float | None) -> dict[str, Any]:
    pixels = decode_at(defect.mask, defect.box) if defect.mask else None
    length, width = extent_of(defect.box, pixels)
    area = defect.mask.area if defect.mask else defect.box.width * defect.box.height
    said: dict[str, Any] = {
        "kind": defect.kind,
        "score": defect.score,
        "box": list(defect.box),
        "area_px": area,
        "length_px": round(length, 2),
        "width_px": round(width, 2),
    }
    if mm_per_pixel is not None:
        said |= {
            "area_mm2": round(area * mm_per_pixel**2, 6),
            "length_mm": round(length * mm_per_pixel, 6),
            "width_mm": round(width * mm_per_pixel, 6),
        }
    if defect.mask is not None and pixels is not None:
        corner = (defect.box.left, defect.box.top)
        rings = outlines(pixels)
        said["outlines"] = [(ring + corner).astype(int).tolist() for ring in rings]
        said["mask"] = {"size": list(defect.mask.size), "counts": list(defect.mask.counts)}
    return said
