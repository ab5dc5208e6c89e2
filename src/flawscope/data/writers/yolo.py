"""``yolo``: ``images/``, ``labels/`` of polygons (boxes where no mask is known), ``data.yaml``.

Clean images have an empty label file; images that nobody looked at have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import yaml

from flawscope.data.writers.placed import Placed
from flawscope.data.writers.rings import one_ring
from flawscope.files import write_text
from flawscope.values import Defect, Size


def write(parts: Iterable[Placed], kinds: tuple[str, ...], out: Path) -> None:
    """Writes the label files and the names of the classes."""
    numbers = {kind: number for number, kind in enumerate(kinds)}
    for part in parts:
        if part.sample.defects is not None:
            lines = [
                f"{numbers[defect.kind]} {_shares(defect, part.sample.size)}\n"
                for defect in part.sample.defects
            ]
            write_text(out / "labels" / f"{part.stem}.txt", "".join(lines))
    names = {number: kind for kind, number in numbers.items()}
    content = {"train": "images", "val": "images", "names": names}
    text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    write_text(out / "data.yaml", text)


def _shares(defect: Defect, size: Size) -> str:
    if defect.mask is None:
        left, top, right, bottom = defect.box
        corners = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
    else:
        corners = one_ring(defect).ravel().tolist()
    sides = (size.width, size.height)
    return " ".join(f"{value / sides[i % 2]:.7f}" for i, value in enumerate(corners))
