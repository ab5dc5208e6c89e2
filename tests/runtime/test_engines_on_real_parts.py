"""Two engines, one file, real photographs: the same verdicts."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from flawscope.bundle import shipped_model
from flawscope.images import find_images, open_image, read_size
from flawscope.runtime import Inspector

IMAGES = 500
LONGEST = 320


@pytest.mark.real
def test_no_verdict_differs_on_500_images() -> None:
    folder = os.environ.get("FLAWSCOPE_DATA")
    if not folder:
        pytest.skip("FLAWSCOPE_DATA names no folder of real images")
    model = shipped_model()
    # Where photographs lie beside their masks, the masks are the PNGs. Those of small size: what
    # differs does not depend on it, and the test's time does.
    found = [path for path in find_images([Path(folder)]) if path.suffix.lower() != ".png"]
    paths = [path for path in found if max(read_size(path)) <= LONGEST]
    paths = paths[:: max(1, len(paths) // IMAGES)][:IMAGES]
    first, second = (
        Inspector.load(model, engine=name, precision="float32")
        for name in ("openvino", "onnxruntime")
    )
    for path in paths:
        image = open_image(path)
        ours, theirs = first.examine(image), second.examine(image)
        assert ours.inspection.verdict is theirs.inspection.verdict, path
        assert ours.inspection.score == pytest.approx(theirs.inspection.score, abs=0.005), path
        assert ours.inspection.kinds == pytest.approx(theirs.inspection.kinds, abs=0.005), path
        if ours.heat is not None and theirs.heat is not None:
            assert np.abs(ours.heat - theirs.heat).max() < 0.005, path
