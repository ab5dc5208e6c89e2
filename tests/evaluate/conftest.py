from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from flawscope.masks import bounding_box, encode
from flawscope.values import Defect, Inspection, Label, Policy, Sample, Size

POLICY = Policy(accept_below=0.2, reject_above=0.7, defective_from=0.5)
SIZE = Size(16, 24)

Masks = Mapping[str, np.ndarray]


def _defects(masks: Masks) -> tuple[Defect, ...]:
    boxes = ((kind, bounding_box(mask), mask) for kind, mask in masks.items())
    return tuple(Defect(kind, box, encode(mask)) for kind, box, mask in boxes if box)


def _sample(
    defective: bool | None,
    masks: Masks | None = None,
    *,
    kinds: tuple[str, ...] | None = None,
    name: str = "a.png",
    group: str | None = None,
    size: Size = SIZE,
) -> Sample:
    label = {True: Label.DEFECTIVE, False: Label.GOOD, None: Label.UNKNOWN}[defective]
    defects = None if masks is None else _defects(masks)
    if defects is not None:
        kinds = tuple(sorted({defect.kind for defect in defects}))
    return Sample(name, Path(name), size, label, defects, kinds, group)


def _inspection(
    score: float,
    masks: Masks | None = None,
    *,
    kinds: Mapping[str, float] | None = None,
    size: Size = SIZE,
) -> Inspection:
    verdict = POLICY.verdict(score)
    return Inspection("a", size, verdict, score, kinds or {}, _defects(masks or {}), (), "0" * 64)


@pytest.fixture
def policy() -> Policy:
    return POLICY


@pytest.fixture
def size() -> Size:
    return SIZE


@pytest.fixture
def sample() -> Callable[..., Sample]:
    """A truth from masks by kind; ``None`` for "nobody drew"."""
    return _sample


@pytest.fixture
def inspection() -> Callable[..., Inspection]:
    """What was found, from a score, masks and probabilities by kind."""
    return _inspection
