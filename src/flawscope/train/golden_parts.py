"""Rendered parts to replay a model on, whose truth is known to the pixel."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.images import open_image
from flawscope.masks import union
from flawscope.runtime.golden import SIDE
from flawscope.runtime.replaying import Case
from flawscope.synth import SURFACES, render
from flawscope.values import Label, Sample, Size


def golden_parts(count: int) -> list[Case]:
    """So many parts of all surfaces, good and defective, in grey, ``SIDE`` x ``SIDE`` pixels."""
    return [_golden(seed) for seed in range(count)]


def _golden(seed: int) -> Case:
    part = render(seed, surface=SURFACES[seed % len(SURFACES)], size=(SIDE, SIDE))
    grey = cv2.cvtColor(part.image, cv2.COLOR_RGB2GRAY)
    picture = np.repeat(np.asarray(grey, dtype=np.uint8)[..., None], 3, axis=2)
    masks = [defect.mask for defect in part.defects if defect.mask]
    return Case(
        id=f"golden-{seed:03}",
        open=partial(np.copy, picture),
        defective=bool(part.defects),
        mask=union(masks, Size(SIDE, SIDE)),
    )


def case_of(sample: Sample) -> Case:
    """A labelled photograph; its mask is known where each of its defects has one."""
    mask: NDArray[np.bool_] | None = None
    runs = [defect.mask for defect in sample.defects or ()]
    if sample.label is Label.GOOD or (sample.defects and all(runs)):
        mask = union([run for run in runs if run], sample.size)
    return Case(
        id=sample.id,
        open=partial(open_image, sample.image),
        defective=None if sample.label is Label.UNKNOWN else sample.label is Label.DEFECTIVE,
        mask=mask,
    )
