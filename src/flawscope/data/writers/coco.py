"""``coco``: ``images/`` and ``annotations/instances.json``, masks as compressed run lengths.

Run lengths, unlike COCO's polygons, keep holes and every pixel. Clean images are listed without
annotations; images that nobody looked at are not listed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flawscope.data.runs import to_coco_string
from flawscope.data.writers.placed import Placed
from flawscope.files import write_text
from flawscope.values import Defect


def write(parts: Iterable[Placed], kinds: tuple[str, ...], out: Path) -> None:
    """Writes the one JSON file."""
    numbers = {kind: number for number, kind in enumerate(kinds, 1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for part in parts:
        if part.sample.defects is None:
            continue
        number = len(images) + 1
        height, width = part.sample.size
        images.append({"id": number, "file_name": part.inside, "height": height, "width": width})
        for defect in part.sample.defects:
            identity = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": numbers[defect.kind],
            }
            annotations.append({**identity, **_place(defect)})
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": kind} for kind, number in numbers.items()],
    }
    write_text(out / "annotations" / "instances.json", json.dumps(document, ensure_ascii=False))


def _place(defect: Defect) -> dict[str, Any]:
    box = defect.box
    place = {"bbox": [box.left, box.top, box.width, box.height], "iscrowd": 0}
    if defect.mask is None:
        return {**place, "area": box.width * box.height, "segmentation": []}
    runs = {"size": list(defect.mask.size), "counts": to_coco_string(defect.mask)}
    return {**place, "area": defect.mask.area, "segmentation": runs}
