"""Writes docs/benchmarks.md from the results that experiments.py left.

python benchmarks/page.py
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"

HEAD = """\
# Benchmarks

Every figure is of a test part that nothing was chosen on: weights, thresholds and edges come from the train and validation
parts. Splits are by part (tile, sheet, wear series; inferred where a dataset does not name them), 60 / 20 / 20. Beside each value
stand its 95 % interval (Wilson for rates, a bootstrap over parts for the rest) and the number of images it rests on.
Measured on two cores of a server CPU, no GPU, with other work running beside the training; more minutes of an
idle machine mean more steps. CPUs with AVX-512 and bfloat16, on which the shipped model's first round was trained, make about three times the steps of one with AVX2
alone, on which all other tables but transfer and heatmaps were measured. Freezing, transfer and heatmaps were measured before parts
were turned, the last two while pictures were padded; heatmaps and the shipped model as a start, before its second round. This page is written by `python benchmarks/page.py` from `benchmarks/results`.

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


TURNING: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("screen AUROC", ("screen", "auroc")),
    ("average precision", ("screen", "average_precision")),
    ("any defect: IoU", ("locate", "any_kind", "iou")),
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


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """The lines of a table."""
    heads = list(heads)
    lines = (f"| {' | '.join(row)} |" for row in (heads, *rows))
    return [next(lines), "|---" * len(heads) + "|", *lines]


def base(results: dict[str, Any]) -> str:
    """The shipped model on each set's test part."""
    first, second = results["test"]["rounds"]
    rows = [
        (name, str(figures["images"]), *(at(figures, path) for _, path in COLUMNS))
        for name, figures in second.items()
    ]
    before = [
        (name, *(at(figures, path) for _, path in TURNING)) for name, figures in first.items()
    ]
    return "\n".join(
        [
            "## The model that ships, `--any-kind`",
            "",
            (
                f"`make base-model` (two rounds of {results['minutes']:g} minutes of training:"
                f" `python benchmarks/experiments.py base --minutes {results['minutes']:g}`)"
            ),
            "",
            *table(("test part of", "images", *(title for title, _ in COLUMNS)), rows),
            "",
            (
                "A set without good parts has no AUROC and no overkill; one without masks no IoU. The"
                " first round was made while pictures were padded, the second"
                f" ({results['test']['steps']} steps) with pictures enlarged and other work beside"
                " it. What the first round alone came to, with pictures enlarged:"
            ),
            "",
            *table(("after the first round", *(title for title, _ in TURNING)), before),
        ]
    )


def alone(name: str) -> Callable[[dict[str, Any]], str]:
    """One dataset, trained and judged by itself."""

    def section(results: dict[str, Any]) -> str:
        figures = results["test"]
        return "\n".join(
            [
                f"## `{name}` alone",
                "",
                (
                    f"`python benchmarks/experiments.py {name} --minutes {results['minutes']:g}`,"
                    f" {figures['steps']} steps"
                ),
                "",
                (
                    f"- screen: AUROC {at(figures, ('screen', 'auroc'))},"
                    f" average precision {at(figures, ('screen', 'average_precision'))},"
                    f" F1 {at(figures, ('screen', 'f1'))}"
                ),
                (
                    f"- mean over kinds: Dice of the images that show it {mean_dice(figures)},"
                    f" pooled IoU {at(figures, ('locate', 'mean_iou'))}"
                ),
                (
                    f"- escapes {at(figures, ('verdicts', 'escape_rate'))},"
                    f" overkill {at(figures, ('verdicts', 'overkill_rate'))},"
                    f" review {at(figures, ('verdicts', 'review_rate'))}"
                ),
                "",
                *by_kind(figures),
            ]
        )

    return section


def by_kind(figures: dict[str, Any]) -> list[str]:
    """A table of where each kind is found."""
    heads = ("kind", "Dice, mean of the images that show it", "Dice, pooled", "IoU, pooled")
    rows = (
        (kind, *(estimate(found[key]) for key in ("dice_mean", "dice", "iou")))
        for kind, found in figures["locate"]["by_kind"].items()
    )
    return table(heads, rows)


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
        (name, *(estimate(found[figure]) for figure in titles)) for name, found in sides.items()
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
            *table(("map", *titles.values()), rows),
        ]
    )


def founding(results: dict[str, Any]) -> str:
    """Both recipes, trained side by side."""
    found = results["test"]
    pace = found["images_per_second"]
    figures = found["figures"]
    rows = [
        (
            *(f"`{name}`", at(one, ("screen", "f1")), at(one, ("screen", "auroc"))),
            *(*located(one), f"{pace[name] / pace['founding']:.1f}"),
        )
        for name, one in figures.items()
    ]
    return "\n".join(
        [
            "## The founding method beside the shared cascade",
            "",
            (
                f"`python benchmarks/experiments.py founding --minutes {results['minutes']:g}`:"
                f" `magnetic-tile`, one split, {results['minutes']:g} minutes of training for each"
                f" recipe, side by side with one core each, every encoder `{found['encoder']}` from"
                " ImageNet weights. Pace is of the same photographs looked at in turn, one thread,"
                " as a multiple of the founding recipe's."
            ),
            "",
            *table(("recipe", "screen F1", "AUROC", *LOCATED, "pace"), rows),
            "",
            "The shared recipe, by kind:",
            "",
            *by_kind(figures["shared"]),
        ]
    )


def mean_dice(figures: dict[str, Any]) -> str:
    """Mean over kinds of Dice averaged over the images that show the kind."""
    values = [one["dice_mean"]["value"] for one in figures["locate"]["by_kind"].values()]
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.3f}" if known else "-"


LOCATED = ("Dice of images that show it", "pooled IoU")


def located(figures: dict[str, Any]) -> tuple[str, str]:
    """Under ``LOCATED``: both means over kinds."""
    return mean_dice(figures), at(figures, ("locate", "mean_iou"))


def gates(results: dict[str, Any]) -> str:
    """What each gate makes of both recipes' models."""
    rows = [
        (
            *(f"`{name}`", f"{gate}{' (chosen)' if gate == side['chosen'] else ''}"),
            *(f"{one['validation_mean_dice']:.3f}", at(one["figures"], ("screen", "f1"))),
            *located(one["figures"]),
        )
        for name, side in results["test"].items()
        for gate, one in side["gates"].items()
    ]
    return "\n".join(
        [
            "## Gates",
            "",
            (
                f"`python benchmarks/experiments.py gates --minutes {results['minutes']:g}`: the"
                " models of the table before. The screen's F1 does not depend on the gate. A gate is"
                " chosen by the first column, on validation parts; of equals the hard one, which"
                " leaves stages unrun."
            ),
            "",
            *table(("recipe", "gate", "mean Dice, validation", "screen F1", *LOCATED), rows),
        ]
    )


def second_look(results: dict[str, Any]) -> str:
    """The score of the screen alone, and weighed with what was located."""
    found = results["test"]
    columns = {"AUROC": "auroc", "average precision": "average_precision"}
    names = {"once": "the screen alone", "twice": "the screen and what was located"}
    rows = [
        (names[name], *(at(one, ("screen", key)) for key in columns.values()))
        for name, one in found["figures"].items()
    ]
    if found["second_look"] is None:
        return ""
    return "\n".join(
        [
            "## The second look",
            "",
            (
                f"`python benchmarks/experiments.py second-look --minutes {results['minutes']:g}`:"
                " the model of the shared recipe above, its score by the screen alone and by both,"
                " as [its policy](policy.md#the-second-look) weighs them. Fitted on validation"
                " tiles, judged on test tiles."
            ),
            "",
            *table(("score by", *columns), rows),
        ]
    )


def turning(results: dict[str, Any]) -> str:
    """Parts seen as they lie, and turned as well."""
    found = results["test"]
    names = {"once": "as it lies", "turned": "turned as well"}
    paths = [path for _, path in TURNING]
    rows = [
        (dataset, names[name], *(at(one, path) for path in paths))
        for dataset, both in found["figures"].items()
        for name, one in both.items()
    ]
    return "\n".join(
        [
            "## Looking at a part turned",
            "",
            (
                "`python benchmarks/experiments.py turning`: the shipped model, whose policy turns"
                f" parts from a screen of {found['turned_from']:.3f} on, and the same without"
                " ([how](policy.md#turned-parts)). Edges and thresholds are the same, chosen for"
                " parts that are turned."
            ),
            "",
            *table(("test part of", "each part seen", *(title for title, _ in TURNING)), rows),
        ]
    )


def leaks(results: dict[str, Any]) -> str:
    """The same training on an honest split and on one that leaks tiles."""
    rows = [
        (
            *(name, str(run["steps"]), at(run["figures"], ("screen", "auroc"))),
            *(at(run["figures"], ("screen", "f1")), *located(run["figures"])),
        )
        for name, run in results["test"].items()
    ]
    return "\n".join(
        [
            "## What a leaking split pretends",
            "",
            (
                f"`python benchmarks/experiments.py leaks --minutes {results['minutes']:g}`:"
                f" `magnetic-tile`, the shared recipe, {results['minutes']:g} minutes on one core"
                " each. Each tile was photographed some six times; a split by image has most test"
                " tiles in the train part as well. Published figures come of such splits."
            ),
            "",
            *table(("split", "steps made", "AUROC", "screen F1", *LOCATED), rows),
        ]
    )


def freezing(results: dict[str, Any]) -> str:
    """The encoder fine-tuned or not."""
    found = results["test"]
    rows = [(f"`{name}`", *located(one)) for name, one in found["figures"].items()]
    return "\n".join(
        [
            "## Fine-tuning the encoder, or not",
            "",
            (
                f"`python benchmarks/experiments.py freezing`: `{found['dataset']}`,"
                f" {found['steps']} steps each, from ImageNet weights, by `encoder.freeze`."
            ),
            "",
            *table(("`encoder.freeze`", LOCATED[0], "pooled IoU, mean over kinds"), rows),
        ]
    )


def transfer(results: dict[str, Any]) -> str:
    """Few images of a part that the base never saw."""
    found = results["test"]
    starts = list(next(iter(next(iter(found["sets"].values())).values())))
    rows = [
        (name, number, *(at(of_start[start], ("locate", "mean_iou")) for start in starts))
        for name, numbers in found["sets"].items()
        for number, of_start in numbers.items()
    ]
    return "\n".join(
        [
            "## Starting from a model of other parts",
            "",
            (
                "`python benchmarks/experiments.py transfer`: `flawscope train --from BASE` on a set"
                f" that the base never saw (its {found['base_steps']} steps were on the other sets"
                " and rendered parts; NEU-DET, of the same mill, is left out with NEU steel), beside"
                f" ImageNet weights and none, {found['steps']} steps of {found['batch']} crops each."
                " So many images of each kind to train on and as many to validate on; judged on the"
                " whole test part: pooled IoU, mean over kinds."
            ),
            "",
            *table(("set left out", "images a kind", *(f"from {one}" for one in starts)), rows),
        ]
    )


_DRAWN_FROM = ("base", "imagenet")
_DRAWN_BY = (("locate", "mean_iou"), ("locate", "any_kind", "iou"))


def drawn(results: dict[str, Any]) -> str:
    """Which few images were drawn, and what that makes of two starts."""
    sets = results["test"]["sets"]
    rows = [
        (
            name,
            str(number),
            *(at(one[start], figure) for figure in _DRAWN_BY for start in _DRAWN_FROM),
        )
        for name, found in sets.items()
        for number, one in enumerate(found["draws"], 1)
    ]
    gains = "; ".join(
        f"`{name}` {estimate(found['gain']['mean_iou'])} over kinds,"
        f" {estimate(found['gain']['any_kind_iou'])} of any defect"
        for name, found in sets.items()
    )
    few = next(iter(sets.values()))
    steps = ", ".join(f"{found['base_steps']} for `{name}`" for name, found in sets.items())
    return "\n".join(
        [
            "### Other few images",
            "",
            (
                "`python benchmarks/experiments.py draws`: the same comparison on sets of which the"
                f" base saw nothing, {few['images']} images of each kind (of `magnetic-tile` whole"
                " tiles, so some more, and good ones), drawn anew each time. Steps of the base:"
                f" {steps}; one of more than 500 is trained in two rounds, as the shipped model was. What the base gains in"
                f" IoU in the mean of {len(few['draws'])} draws, with the interval of the"
                f" difference over test parts: {gains}."
            ),
            "",
            *table(
                (
                    *("set left out", "draw", "IoU, mean over kinds, from base", "from imagenet"),
                    *("any defect: IoU, from base", "from imagenet"),
                ),
                rows,
            ),
        ]
    )


def unseen(results: dict[str, Any]) -> str:
    """The shipped model as a start on a set that it never saw, of which kinds alone are known."""
    found = results["test"]
    rows = []
    gains: dict[str, list[float]] = {"average_precision": [], "f1": []}
    for number, one in enumerate(found["draws"], 1):
        cells = [str(number)]
        for figure, gained in gains.items():
            means = [_mean_of_kinds(one[start], figure) for start in _DRAWN_FROM]
            gained.append(means[0] - means[1])
            cells += [f"{mean:.3f}" for mean in means]
        rows.append(tuple(cells))
    precision, f1 = (sum(gained) / len(gained) for gained in gains.values())
    images = found["draws"][0]["base"]["images"]
    return "\n".join(
        [
            "### The shipped model as a start",
            "",
            (
                f"`python benchmarks/experiments.py unseen`: `{found['dataset']}`, which the shipped"
                f" model never saw, {found['images']} images of each kind, other ones each time,"
                f" {found['steps']} steps of {found['batch']} crops. Nobody says where its defects"
                f" are, so kinds are judged: means over them, on {images} test images. Starting"
                f" from the shipped model instead of ImageNet changes average precision by"
                f" {precision:+.3f} and F1 by {f1:+.3f} in the mean of {len(rows)} draws: on this"
                " set, of which nothing is located, a model of other parts is no better start."
            ),
            "",
            *table(
                (
                    "draw",
                    *("average precision, from the shipped model", "from imagenet"),
                    *("F1, from the shipped model", "from imagenet"),
                ),
                rows,
            ),
        ]
    )


def _mean_of_kinds(judged: dict[str, Any], figure: str) -> float:
    values = [float(kind[figure]["value"]) for kind in judged["kinds"].values()]
    return sum(values) / len(values)


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "base": base,
    "magnetic-tile": alone("magnetic-tile"),
    "neu-steel": alone("neu-steel"),
    "founding": founding,
    "gates": gates,
    "second-look": second_look,
    "turning": turning,
    "leaks": leaks,
    "freezing": freezing,
    "transfer": transfer,
    "draws": drawn,
    "unseen": unseen,
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
