"""``image-mask-trees``: ``images/`` and, for each kind, ``masks/KIND/`` that mirrors it.

Clean images have an empty mask in ``masks/good/``; images that nobody looked at have none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from flawscope.data.naming import is_good
from flawscope.data.writers.placed import Placed
from flawscope.errors import DatasetError
from flawscope.images import save_image
from flawscope.masks import union
from flawscope.values import RunLengths

GOOD = "good"


def write(parts: Iterable[Placed], kinds: tuple[str, ...], out: Path) -> None:
    """Writes a mask for each image and kind.

    Raises:
        DatasetError: a kind's name cannot be a folder's.
    """
    for kind in kinds:
        if "/" in kind or "\\" in kind or kind in (".", "..") or is_good(kind):
            raise DatasetError(
                f"a folder of masks cannot be called {kind!r}",
                remedy="Rename the kind, or convert to another layout",
            )
    for part in parts:
        if part.sample.defects is None:
            continue
        masks: dict[str, list[RunLengths]] = defaultdict(list)
        for defect in part.sample.defects:
            if defect.mask is not None:
                masks[defect.kind].append(defect.mask)
        for kind, runs in (masks or {GOOD: []}).items():
            pixels = union(runs, part.sample.size).astype(np.uint8) * np.uint8(255)
            save_image(pixels, out / "masks" / kind / f"{part.stem}.png")
