"""``labelme``: a JSON file beside each image that was looked at, polygons along pixel borders.

Clean images have a file without shapes; images that nobody looked at have none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from flawscope.data.writers.placed import Placed
from flawscope.data.writers.rings import one_ring
from flawscope.files import write_text
from flawscope.values import Defect

_VERSION = "5.5.0"


def write(parts: Iterable[Placed], kinds: tuple[str, ...], out: Path) -> None:  # noqa: ARG001
    """Writes a JSON file for each image that was looked at."""
    for part in parts:
        if part.sample.defects is None:
            continue
        document: dict[str, Any] = {
            "version": _VERSION,
            "flags": {},
            "shapes": [_shape(defect) for defect in part.sample.defects],
            "imagePath": PurePosixPath(part.image).name,
            "imageData": None,
            "imageHeight": part.sample.size.height,
            "imageWidth": part.sample.size.width,
        }
        write_text(out / f"{part.stem}.json", json.dumps(document, ensure_ascii=False))


def _shape(defect: Defect) -> dict[str, Any]:
    if defect.mask is None:
        left, top, right, bottom = defect.box
        place = {"shape_type": "rectangle", "points": [[left, top], [right, bottom]]}
    else:
        place = {"shape_type": "polygon", "points": one_ring(defect).tolist()}
    return {"label": defect.kind, "group_id": None, "flags": {}, **place}
