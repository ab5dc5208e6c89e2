"""Writes docs/benchmarks.md from the results that experiments.py left.

python benchmarks/page.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"

HEAD = """\
# Benchmarks

Every figure is of a test part that nothing was chosen on: weights, thresholds and edges come from the train and validation
parts. Splits are by part (tile, sheet, wear series; inferred where a dataset does not name them), 60 / 20 / 20. Beside each value
stand its 95 % interval (Wilson for rates, a bootstrap over parts for the rest) and the number of images it rests on.
Measured on two cores of a server CPU with AVX-512 and bfloat16, no GPU, with other work running beside the training; more minutes of an
idle machine mean more steps. This page is written by `python benchmarks/page.py` from `benchmarks/results`.

The real images are not part of the project: name their folder in `FLAWSCOPE_DATA`.
"""

COLUMNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("screen AUROC", ("screen", "auroc")),
    ("F1", ("screen", "f1")),
    ("any defect: IoU", ("locate", "any_kind", "iou")),
    ("escapes", ("verdicts", "escape_rate")),
    ("overkill", ("verdicts", "overkill_rate")),
    ("review", ("verdicts", "review_rate")),
)


def estimate(found: dict[str, Any]) -> str:
    """A figure as a table shows it."""
    if found["value"] is None:
        return "-"
    if found["low"] is None:
        return f"{found['value']:.3f} (n {found['n']})"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f}, n {found['n']})"


def at(figures: dict[str, Any], path: tuple[str, ...]) -> str:
    """The figure at a path of keys."""
    for key in path:
        figures = figures[key]
    return estimate(figures)


def base(results: dict[str, Any]) -> str:
    """The shipped model on each set's test part."""
    rows = [
        f"| {name} | {figures['images']} | " + " | ".join(at(figures, path) for _, path in COLUMNS)
        for name, figures in results["test"].items()
    ]
    return "\n".join(
        [
            "## The model that ships, `--any-kind`",
            "",
            (
                f"`make base-model` ({results['minutes']:g} minutes of training:"
                f" `python benchmarks/experiments.py base --minutes {results['minutes']:g}`)"
            ),
            "",
            "| test part of | images | " + " | ".join(title for title, _ in COLUMNS) + " |",
            "|---" * (len(COLUMNS) + 2) + "|",
            *(f"{row} |" for row in rows),
            "",
            "A set without good parts has no AUROC and no overkill; one without masks no IoU.",
        ]
    )


def alone(name: str) -> Callable[[dict[str, Any]], str]:
    """One dataset, trained and judged by itself."""

    def section(results: dict[str, Any]) -> str:
        figures = results["test"]
        kinds = [
            f"| {kind} | {estimate(found['dice_mean'])} | {estimate(found['dice'])}"
            f" | {estimate(found['iou'])} |"
            for kind, found in figures["locate"]["by_kind"].items()
        ]
        means = [
            found["dice_mean"]["value"]
            for found in figures["locate"]["by_kind"].values()
            if found["dice_mean"]["value"] is not None
        ]
        return "\n".join(
            [
                f"## `{name}` alone",
                "",
                f"`python benchmarks/experiments.py {name} --minutes {results['minutes']:g}`",
                "",
                (
                    f"- screen: AUROC {at(figures, ('screen', 'auroc'))},"
                    f" average precision {at(figures, ('screen', 'average_precision'))},"
                    f" F1 {at(figures, ('screen', 'f1'))}"
                ),
                (
                    f"- mean over kinds: Dice of the images that show it {sum(means) / len(means):.3f},"
                    f" pooled IoU {at(figures, ('locate', 'mean_iou'))}"
                ),
                (
                    f"- escapes {at(figures, ('verdicts', 'escape_rate'))},"
                    f" overkill {at(figures, ('verdicts', 'overkill_rate'))},"
                    f" review {at(figures, ('verdicts', 'review_rate'))}"
                ),
                "",
                "| kind | Dice, mean of the images that show it | Dice, pooled | IoU, pooled |",
                "|---|---|---|---|",
                *kinds,
            ]
        )

    return section


def engines(results: dict[str, Any]) -> str:
    """Two engines on one file."""
    found = results["test"]
    most = found["largest_difference"]
    return "\n".join(
        [
            "## Two engines, one file",
            "",
            "`python benchmarks/experiments.py engines`",
            "",
            (
                f"OpenVINO and ONNX Runtime on {found['images']} images of the real sets:"
                f" {found['verdicts_differing']} verdicts differ. Largest difference of a score"
                f" {most['score']:.5f}, of a kind's probability {most['kinds']:.5f}, of a pixel's"
                f" {most['map']:.5f}."
            ),
        ]
    )


def heatmaps(results: dict[str, Any]) -> str:
    """Where heatmaps point, beside where masks do, on the same images."""
    titles = {
        "hit": "peak on a defect",
        "hit_within_15": "within 15 px of one",
        "share_inside": "share of heat inside",
        "best_iou": "IoU at the best threshold",
    }
    sides = {name: found["heat"] for name, found in results["methods"].items()}
    sides["masks"] = next(iter(results["methods"].values()))["masks"]
    rows = [
        f"| {name} | " + " | ".join(estimate(found[figure]) for figure in titles) + " |"
        for name, found in sides.items()
    ]
    methods = " ".join(f"--method {name}" for name in results["methods"])
    return "\n".join(
        [
            "## Heatmaps are not masks",
            "",
            (
                f"`python benchmarks/heatmaps.py MODEL {results['dataset']} --split-file FILE"
                f" {methods}`, the shipped model on {results['images']} defective test images."
                " Each map of the screen's answer, and the probability map of the network that"
                " draws masks, judged by the drawn defects; the threshold is the best for each"
                " image."
            ),
            "",
            "| map | " + " | ".join(titles.values()) + " |",
            "|---" * (len(titles) + 1) + "|",
            *rows,
        ]
    )


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "base": base,
    "magnetic-tile": alone("magnetic-tile"),
    "magnetic-tile-leaky": alone("magnetic-tile-leaky"),
    "neu-steel": alone("neu-steel"),
    "engines": engines,
    "heatmaps": heatmaps,
}
"""In the order of the page; an experiment that was not run has no section."""


def main() -> None:
    parts = [HEAD]
    for name, section in SECTIONS.items():
        path = HERE / "results" / f"{name}.json"
        if path.exists():
            parts.append(section(json.loads(path.read_text(encoding="utf-8"))))
    PAGE.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
