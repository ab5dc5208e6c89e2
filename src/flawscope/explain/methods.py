"""The ways to a heatmap behind one function; PyTorch is looked for only where one needs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flawscope.bundle import Bundle, shipped_model
from flawscope.errors import ExplanationError, MissingExtraError
from flawscope.explain.heatmap import Heatmap, answer_channel
from flawscope.explain.occlusion import Told, occlude
from flawscope.images import open_image
from flawscope.runtime import Inspector

METHODS = ("cam", "gradcam", "occlusion")


def explain(
    image: NDArray[np.uint8] | str | Path,
    model: str | Path | None = None,
    *,
    method: str = "cam",
    kind: str | None = None,
    patch: int | None = None,
    stride: int | None = None,
    told: Told | None = None,
) -> Heatmap:
    """A heatmap of why a model answers as it does.

    Args:
        image: a file, or RGB uint8 (height, width, 3) of any size.
        model: a model file; without one, the model that ships in the package.
        method: one of ``METHODS``. ``cam``: where the model itself sees evidence (class
            activation, Zhou et al. 2016). ``gradcam``: which places of its last features would
            raise the answer (Selvaraju et al. 2017). ``occlusion``: which places, covered, lower
            it (Zeiler and Fergus 2014); it alone works with every model and without PyTorch.
        kind: explain the answer for this kind; without one, for "any defect at all".
        patch, stride: for ``occlusion``, as for ``occlude``.
        told: for ``occlusion``, called with how many looks are done, and of how many.

    Raises:
        ExplanationError: no such method or kind, or the method does not suit the network.
        MissingExtraError: ``cam`` and ``gradcam`` without PyTorch.
        ModelFileError: the file is refused, or its network cannot be rebuilt.
        ImageError: the image cannot be read.
    """
    if method not in METHODS:
        raise ExplanationError(
            f"there is no method {method!r}", remedy=f"Choose from {', '.join(METHODS)}"
        )
    activation = None if method == "occlusion" else _activation(method)
    bundle = Bundle.open(model or shipped_model())
    answer_channel(bundle.manifest, kind)  # Refuses an unknown kind before anything is loaded.
    pixels = image if isinstance(image, np.ndarray) else open_image(image)
    if activation is not None:
        heatmap: Heatmap = activation(bundle, pixels, method, kind)
        return heatmap
    # What a patch changes may be less than what low precision does.
    inspector = Inspector.load(bundle.path, precision="float32")
    return occlude(inspector, pixels, kind=kind, patch=patch, stride=stride, told=told)


def _activation(method: str) -> Callable[..., Any]:
    """The function behind the methods that look into a network, where PyTorch is installed."""
    try:
        from flawscope.explain.activation import activation
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "flawscope":
            raise
        raise MissingExtraError(f"the method {method}, unlike occlusion,", "train") from error
    return activation
