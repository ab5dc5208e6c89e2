"""The founding method beside the shared cascade, and the choices that either leaves open."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

from flawscope.data import read
from flawscope.images import open_image
from flawscope.runtime import Inspector
from runs import data, flawscope, judge, settings, split, steps, train

SET = "magnetic-tile"

FAIR = "tf_efficientnet_lite0"
"""The encoder of every network of both recipes, from the same ImageNet weights."""

UNCERTIFIED = settings(certificate__pictures=0)
"""What is judged here on one engine needs no certificate, which takes minutes."""

SIDES: Mapping[str, Sequence[str]] = {
    "shared": ("--recipe", "shared", *UNCERTIFIED),
    "founding": (
        *("--recipe", "founding", *UNCERTIFIED),
        *settings(
            founding__screen__encoder__name=FAIR,
            founding__kinds__encoder__name=FAIR,
            founding__locate__encoder__name=FAIR,
            founding__locate__encoder__frozen=2,
        ),
    ),
}

TIMED = 60
"""Images of the set that both models look at in turn, for their pace."""

FREEZING: Mapping[str, str] = {
    "none": "none",
    "encoder": "encoder",
    "until_epoch: 3": "{until_epoch: 3}",
}
FREEZING_SET, FREEZING_STEPS = "neu-steel", 160


def versus(work: Path, minutes: float) -> dict[str, Any]:
    """Both recipes on one split, for as many minutes side by side, a core each."""
    models = _both(work, minutes)
    root, file = data(SET), split(data(SET), work)
    return {
        "encoder": FAIR,
        "figures": {name: judge(model, root, file) for name, model in models.items()},
        "images_per_second": _paces(models, root),
    }


def _both(work: Path, minutes: float) -> dict[str, Path]:
    file = split(data(SET), work)
    runs = {name: (file, work / f"versus-{name}", words) for name, words in SIDES.items()}
    return _side_by_side(runs, minutes)


def _side_by_side(
    runs: Mapping[str, tuple[Path, Path, Sequence[str]]], minutes: float
) -> dict[str, Path]:
    """The models of runs of so many minutes at the same time, a core each.

    Each run has the split file, its folder, and words for the command line.
    """
    with ThreadPoolExecutor(len(runs)) as pool:
        jobs = {
            name: pool.submit(
                train,
                *([data(SET)], [file], run),
                *(*words, "--minutes", f"{minutes:g}"),
                core=core,
            )
            for core, (name, (file, run, words)) in enumerate(runs.items())
        }
        return {name: job.result() for name, job in jobs.items()}


def _paces(models: Mapping[str, Path], root: Path) -> dict[str, float]:
    """Images a second, on the same images in turn; the first few only warm up."""
    inspectors = {name: Inspector.load(model, threads=1) for name, model in models.items()}
    paths = [sample.image for sample in read(root).samples]
    paths = paths[:: len(paths) // TIMED]
    spent = dict.fromkeys(models, 0.0)
    for number, path in enumerate([*paths[:8], *paths]):
        image = open_image(path)
        for name, inspector in inspectors.items():
            start = perf_counter()
            inspector.inspect(image)
            spent[name] += perf_counter() - start if number >= 8 else 0.0
    return {name: len(paths) / seconds for name, seconds in spent.items()}


def leaks(work: Path, minutes: float) -> dict[str, Any]:
    """The shared recipe on a split by tile and on one that cuts through tiles, side by side."""
    root, words = data(SET), SIDES["shared"]
    files = {"by tile": split(root, work), "by image": split(root, work, leaky=True)}
    runs = {"by tile": work / "versus-shared", "by image": work / "leaky"}
    models = _side_by_side({name: (files[name], runs[name], words) for name in files}, minutes)
    return {
        name: {"steps": steps(runs[name]), "figures": judge(model, root, files[name])}
        for name, model in models.items()
    }


def second_look(work: Path, minutes: float) -> dict[str, Any]:
    """The shared recipe's model on split tiles, judged with its second look and without."""
    root, file, words = data(SET), split(data(SET), work), SIDES["shared"]
    run = work / "versus-shared"
    model = _side_by_side({"shared": (file, run, words)}, minutes)["shared"]
    once = work / "looking-once.flaw"
    flawscope("info", model, "--set", "policy.second_look=none", "--out", once)
    policy = json.loads(flawscope("info", model, "--json"))["manifest"]["policy"]
    return {
        "second_look": policy["second_look"],
        "figures": {"once": judge(once, root, file), "twice": judge(model, root, file)},
    }


def gates(work: Path, minutes: float) -> dict[str, Any]:
    """Each gate on both recipes' models, with the mask thresholds that validation gave it."""
    root, file = data(SET), split(data(SET), work)
    found: dict[str, Any] = {}
    for name, model in _both(work, minutes).items():
        manifest = json.loads(flawscope("info", model, "--json"))["manifest"]
        found[name] = {"chosen": manifest["policy"]["gate"], "gates": {}}
        for gate, weighed in manifest["metrics"]["gates"].items():
            changed = work / f"versus-{name}-{gate}.flaw"
            values = {"policy.gate": gate}
            for channel, threshold in weighed["mask_probability"].items():
                place = "unnamed" if channel == "defect" else f"kinds.{channel}"
                values[f"policy.{place}.mask_probability"] = threshold
            for kind, veto in weighed["veto_below"].items():
                values[f"policy.kinds.{kind}.veto_below"] = veto
            words = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
            flawscope("info", model, *words, "--out", changed)
            found[name]["gates"][gate] = {
                "validation_mean_dice": weighed["mean_dice"],
                "figures": judge(changed, root, file),
            }
    return found


def freezing(work: Path, _minutes: float) -> dict[str, Any]:
    """The whole network fine-tuned, only what follows the encoder, and first this, then that."""
    root = data(FREEZING_SET)
    file = split(root, work)
    found = {}
    for name, value in FREEZING.items():
        run = work / f"freezing-{name.replace(': ', '-')}"
        words = settings(
            encoder__freeze=value,
            encoder__frozen=0,
            schedule__steps=FREEZING_STEPS,
            schedule__validations=3,
        )
        found[name] = judge(train([root], [file], run, *words, *UNCERTIFIED), root, file)
    return {"dataset": FREEZING_SET, "steps": FREEZING_STEPS, "figures": found}
