"""A heatmap as a picture, with what it means in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flawscope.explain.heatmap import Heatmap
from flawscope.report import heat_picture
from flawscope.report.wording import percent

ANY_DEFECT = "any defect"
"""What the answer to the first question is called."""


def picture(image: NDArray[np.uint8], heatmap: Heatmap) -> NDArray[np.uint8]:
    """The photograph and the heatmap over it, with a scale: RGB ``uint8``.

    Args:
        image: RGB ``uint8`` (height, width, 3), the one that was explained.
        heatmap: of that image.
    """
    return heat_picture(
        image,
        heatmap.heat,
        title=f"{heatmap.kind or ANY_DEFECT}  {percent(heatmap.score)}",
        caption=_caption(heatmap),
        ends=_ends(heatmap),
    )


def _caption(heatmap: Heatmap) -> str:
    if heatmap.hottest is None:
        return f"{heatmap.method}: nothing in the picture speaks for it"
    if heatmap.method == "occlusion":
        return "occlusion: the probability without this place"
    if heatmap.method == "gradcam":
        return "gradcam: what the answer rests on"
    return "cam: where the model sees evidence"


def _ends(heatmap: Heatmap) -> tuple[str, str]:
    if heatmap.most is None:
        return "none", "most"
    if heatmap.method == "occlusion":
        return percent(heatmap.score), percent(max(0.0, heatmap.score - heatmap.most))
    return percent(0.0), percent(heatmap.most)
