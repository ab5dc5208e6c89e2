"""The model's card: what it saw, how it was trained, how it scores, where it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flawscope.values import Manifest

_FIGURES = (
    ("screen, AUROC", ("screen", "auroc")),
    ("screen, F1", ("screen", "f1")),
    ("mean IoU over kinds", ("locate", "mean_iou")),
    ("any defect, IoU", ("locate", "any_kind", "iou")),
    ("any defect, Dice", ("locate", "any_kind", "dice")),
    ("escapes", ("verdicts", "escape_rate")),
    ("overkill", ("verdicts", "overkill_rate")),
    ("review", ("verdicts", "review_rate")),
)

_LIMITS = """\
## Where it ends

- It knows the surfaces and kinds of defect above. On any other part, judge it on labelled images
  of that part before trusting it: `flawscope evaluate DATASET --any-kind`.
- It looks at pictures at the resolution they come in. A defect of two or three pixels is at the
  edge of what it can see.
- Its edges between accept, review and reject were chosen on the validation images above, with their
  share of defective parts. On a line with other shares or other costs, choose them anew.
"""


def model_card(manifest: Manifest) -> str:
    """The card of a model, in Markdown."""
    return "\n".join(
        [
            f"# {manifest.name}",
            "",
            "Says whether a metal part is good, what is wrong with it, and where.",
            "",
            f"Kinds of defect: {', '.join(manifest.kinds) or 'none by name'}.",
            "",
            "## What it saw",
            "",
            *_counts(manifest.dataset.get("images", {})),
            "",
            "Images were split by group: no part stands on two sides.",
            "",
            "## How it was trained",
            "",
            *_training(manifest.recipe, manifest.dataset.get("started_from")),
            "",
            "## How it scores",
            "",
            (
                "On the validation part, or an even sample of it where that is large. Its"
                " thresholds were chosen on these images, so the figures flatter it. Value, then"
                " the 95 % interval, then how many images it rests on."
            ),
            "",
            *_scores(manifest.metrics.get("validation", {})),
            "",
            _LIMITS,
        ]
    )


def _counts(images: Mapping[str, Mapping[str, int]]) -> list[str]:
    names = sorted({name for counts in images.values() for name in counts})
    return [
        "| images | train | validation | test |",
        "|---|---|---|---|",
        *(
            f"| {name} | "
            + " | ".join(str(images.get(part, {}).get(name, 0)) for part in images)
            + " |"
            for name in names
        ),
    ]


def _training(recipe: Mapping[str, Any], origin: Mapping[str, Any] | None) -> list[str]:
    schedule, crops = recipe["schedule"], recipe["crops"]
    budget = f"{schedule['minutes']:g} minutes" if schedule["minutes"] else "no limit of time"
    start = "ImageNet weights" if recipe["encoder"]["pretrained"] else "random weights"
    if origin:
        start = f"the weights of `{origin['name']}` (sha256 {origin['sha256'][:12]})"
    return [
        (
            f"- Encoder `{recipe['encoder']['name']}` from {start}; U-Net decoder of"
            f" {', '.join(map(str, recipe['decoder']['channels']))} channels."
        ),
        (
            f"- Crops of {crops['size']} pixels, {schedule['batch']} a step, at most"
            f" {schedule['steps']} steps, {budget}; seed {recipe['seed']}."
        ),
        "- The whole recipe is in the manifest: `flawscope info MODEL --json`.",
    ]


def _scores(validation: Mapping[str, Any]) -> list[str]:
    lines = ["| figure | " + " | ".join(validation) + " |", "|---" * (1 + len(validation)) + "|"]
    for title, path in _FIGURES:
        cells = [_cell(figures, path) for figures in validation.values()]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return lines


def _cell(figures: Mapping[str, Any], path: tuple[str, ...]) -> str:
    value: Any = figures
    for key in path:
        value = value[key]
    if value["value"] is None:
        return "no figure"
    if value["low"] is None:
        return f"{value['value']:.3f} (n {value['n']})"
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f}, n {value['n']})"
