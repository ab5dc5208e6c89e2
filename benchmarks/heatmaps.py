"""Does a heatmap show where the defect is? Heatmaps and masks against drawn defects.

    python benchmarks/heatmaps.py MODEL DATASET --split-file F [--method NAME]... [--limit N]

Explains the screen's answer on defective images of the test part whose defects somebody drew, and
judges each method's heat by these drawings beside the probability map of the network that draws
masks, on the same images. Writes benchmarks/results/heatmaps.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flawscope.bundle import Bundle
from flawscope.data import apply_split, read, read_split
from flawscope.evaluate.intervals import LEVEL, RESAMPLES, SEED, estimates, numbered
from flawscope.evaluate.pixels import has_pixel_truth
from flawscope.explain import METHODS, best_iou, occlude, points_at, share_inside
from flawscope.explain.activation import activation_of
from flawscope.files import write_text
from flawscope.images import open_image
from flawscope.masks import union
from flawscope.nets import Network, rebuild
from flawscope.runtime import Inspector
from flawscope.values import Estimate, Sample

RESULTS = Path(__file__).parent / "results"

MASKS = "masks"
"""What the mask network's probability map is called beside the methods."""

TOLERANCE = 15
"""Pixels, of the pointing game (Zhang et al. 2016)."""

FIGURES = ("hit", f"hit_within_{TOLERANCE}", "share_inside", "best_iou")

Maps = dict[str, NDArray[np.float32]]


def chosen(dataset: Path, split_file: Path, limit: int | None) -> list[Sample]:
    """Defective test images with drawn defects; of more than ``limit``, evenly spread ones."""
    whole = apply_split(read(dataset), read_split(split_file))
    samples = [
        sample
        for sample in whole.samples
        if sample.split == "test" and sample.defects and has_pixel_truth(sample)
    ]
    if not samples:
        sys.exit(f"{dataset}: the test part has no defective image with a mask")
    if limit is None or limit >= len(samples):
        return samples
    return [samples[len(samples) * number // limit] for number in range(limit)]


def maps_of(
    inspector: Inspector, network: Network, image: NDArray[np.uint8], methods: Sequence[str]
) -> Maps:
    """A map by method, and the mask network's; that one is empty where it was not asked."""
    heat = inspector.examine(image).heat
    maps = {MASKS: np.zeros(image.shape[:2], np.float32) if heat is None else heat}
    for method in methods:
        if method == "occlusion":
            maps[method] = occlude(inspector, image).heat
        else:
            maps[method] = activation_of(network, inspector.manifest, image, method).heat
    return maps


def judged(heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> list[float]:
    """The figures of one map."""
    hit, near = points_at(heat, mask), points_at(heat, mask, TOLERANCE)
    return [float(hit), float(near), share_inside(heat, mask), best_iou(heat, mask)[0]]


def summary(
    rows: Sequence[tuple[str | None, dict[str, list[float]]]], method: str
) -> dict[str, Any]:
    """Means over the images that a method explained, the masks' on these, and masks minus method."""
    kept = [(group, row) for group, row in rows if method in row]
    own = np.array([row[method] for _, row in kept])
    masks = np.array([row[MASKS] for _, row in kept])
    # All of them from 0 to 1, as the intervals expect.
    columns = np.hstack([own, masks, (1 + masks - own) / 2])
    groups = numbered([group for group, _ in kept])

    def means(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return (weights @ columns) / weights.sum(axis=1, keepdims=True)

    hinges = np.ones(columns.shape, dtype=bool)
    found = estimates(means, groups, hinges, [len(kept)] * columns.shape[1])
    count = len(FIGURES)
    return {
        "heat": dict(zip(FIGURES, map(figure, found[:count]), strict=True)),
        MASKS: dict(zip(FIGURES, map(figure, found[count : 2 * count]), strict=True)),
        "masks_minus_heat": dict(zip(FIGURES, map(lead, found[2 * count :]), strict=True)),
    }


def figure(one: Estimate) -> dict[str, Any]:
    """An estimate in JSON."""
    return {"value": one.value, "low": one.low, "high": one.high, "n": one.n}


def lead(one: Estimate) -> dict[str, Any]:
    """A difference from -1 to 1 out of a share; without an interval where no image differs."""
    ends = (one.value, None, None) if one.low == one.high else (one.value, one.low, one.high)
    doubled = [None if end is None else 2 * end - 1 for end in ends]
    return dict(zip(("value", "low", "high"), doubled, strict=True)) | {"n": one.n}


def experiment(
    bundle: Bundle, samples: Sequence[Sample], methods: Sequence[str], occluded: int
) -> dict[str, Any]:
    """The figures of every method; occlusion explains only so many images, evenly spread."""
    inspector = Inspector.load(bundle.path, precision="float32")
    network = rebuild(bundle.manifest, bundle.read, 0, where=bundle.path)
    few = max(1, min(occluded, len(samples)))
    slow = {len(samples) * number // few for number in range(few)}
    rows = []
    for number, sample in enumerate(samples):
        image = open_image(sample.image)
        mask = union((defect.mask for defect in sample.defects or () if defect.mask), sample.size)
        asked = [name for name in methods if name != "occlusion" or number in slow]
        maps = maps_of(inspector, network, image, asked)
        rows.append((sample.group, {name: judged(heat, mask) for name, heat in maps.items()}))
        print(f"\r{number + 1} of {len(samples)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {method: summary(rows, method) for method in methods}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split-file", type=Path, required=True)
    parser.add_argument("--method", action="append", choices=METHODS, help="default: all of them")
    parser.add_argument("--limit", type=int, help="images; default: all of the test part")
    parser.add_argument("--occluded", type=int, default=20, help="images that occlusion explains")
    parser.add_argument("--out", type=Path, default=RESULTS / "heatmaps.json")
    given = parser.parse_args()
    samples = chosen(given.dataset, given.split_file, given.limit)
    bundle = Bundle.open(given.model)
    found = {
        "model": {"name": bundle.manifest.name, "sha256": bundle.digest},
        "dataset": given.dataset.resolve().name,
        "images": len(samples),
        "intervals": {"level": LEVEL, "resamples": RESAMPLES, "seed": SEED},
        "methods": experiment(bundle, samples, given.method or METHODS, given.occluded),
    }
    write_text(given.out, json.dumps(found, indent=1) + "\n")
    for method, figures in found["methods"].items():
        for name in FIGURES:
            heat, masks = figures["heat"][name], figures[MASKS][name]
            values = f"{heat['value']:.3f}   masks {masks['value']:.3f}   n {heat['n']}"
            print(f"{method:<10} {name:<14} {values}")


if __name__ == "__main__":
    main()
