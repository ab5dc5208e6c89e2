"""What a dataset was when a model was trained on it."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

from flawscope.data.listing import tidy
from flawscope.values import Dataset, Label, Sample


def fingerprint(dataset: Dataset) -> dict[str, Any]:
    """Counts of a dataset and a sha256 over its ids, sizes and labels (not over its pixels).

    Returns:
        ``images``, ``good``, ``defective``, ``unknown``, ``located`` (images whose places are
        known), ``kinds`` (images by kind) and ``sha256`` (hex), fit for JSON.
    """
    digest = hashlib.sha256()
    for sample in sorted(dataset.samples, key=lambda sample: tidy(sample.id)):
        digest.update(_line(sample).encode())
    labels = Counter(sample.label for sample in dataset.samples)
    shown = Counter(kind for sample in dataset.samples for kind in sample.kinds or ())
    return {
        "images": len(dataset.samples),
        **{label.value: labels[label] for label in Label},
        "located": sum(sample.defects is not None for sample in dataset.samples),
        "kinds": {kind: shown[kind] for kind in sorted({*dataset.kinds, *shown})},
        "sha256": digest.hexdigest(),
    }


def digest_of_test(dataset: Dataset) -> str | None:
    """A sha256 (hex) over the ids of the test part; ``None`` where there is none."""
    ids = sorted(tidy(sample.id) for sample in dataset.samples if sample.split == "test")
    return hashlib.sha256("\n".join(ids).encode()).hexdigest() if ids else None


def _line(sample: Sample) -> str:
    defects = None
    if sample.defects is not None:
        defects = sorted(
            (defect.kind, tuple(defect.box), defect.mask.counts if defect.mask else ())
            for defect in sample.defects
        )
    return f"{(tidy(sample.id), tuple(sample.size), sample.label.value, sample.kinds, defects)!r}\n"
