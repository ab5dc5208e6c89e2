"""The experiments behind docs/benchmarks.md, each one command.

    FLAWSCOPE_DATA=... python benchmarks/experiments.py NAME [--minutes N] [--work DIR]

An experiment reads real images from FLAWSCOPE_DATA, works in DIR (default ``runs``), calls the
command line as a user would, and leaves what ``flawscope evaluate`` said of the test part in
``benchmarks/results/NAME.json``. A run that was stopped is resumed by the same command.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data import read
from flawscope.images import open_image
from flawscope.runtime import ENGINES, Inspector
from methods import freezing, gates, leaks, second_look, versus
from runs import data, flawscope, judge, rendered_parts, settings, split, steps, train
from transfer import draws, transfer, unseen

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SHIPPED = HERE.parent / "src" / "flawscope" / "models" / "base.flaw"

BASE_SETS = ("magnetic-tile", "neu-steel", "ball-screw", "neu-det", "casting")

SECOND_RATE = 1e-3
"""Learning rate of the second round of the model that ships."""

COMPARED = 500
"""Images that two engines are compared on."""


def alone(name: str, work: Path, minutes: float) -> dict[str, Any]:
    """One dataset, trained and judged by its own split."""
    root = data(name)
    file = split(root, work)
    model = train([root], [file], work / name, "--minutes", f"{minutes:g}")
    return {**judge(model, root, file), "steps": steps(work / name)}


def base(work: Path, minutes: float) -> dict[str, Any]:
    """The model that ships, judged on each set's test part.

    It is trained in two rounds of so many minutes, the second from what came of the first and
    half as fast.
    """
    roots = [*(data(name) for name in BASE_SETS), rendered_parts(work)]
    splits = [split(root, work) for root in roots]
    words = ("--recipe", "base", "--minutes", f"{minutes:g}")
    rough = settings(certificate__pictures=0)
    first = train(roots, splits, work / "base-first-round", *words, *rough)
    again = ["--from", str(first), *settings(schedule__learning_rate=SECOND_RATE)]
    model = train(roots, splits, work / "base", *words, *again)
    SHIPPED.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, SHIPPED)
    rounds = [
        {
            root.name: judge(one, root, file, "--any-kind")
            for root, file in zip(roots, splits, strict=True)
        }
        for one in (first, model)
    ]
    return {"rounds": rounds, "steps": steps(work / "base")}


def turning(work: Path, _minutes: float) -> dict[str, Any]:
    """The shipped model, each part seen as it lies alone, and turned as well where it is doubted."""
    once = work / "as-it-lies.flaw"
    flawscope("info", SHIPPED, "--set", "policy.turned_from=none", "--out", once)
    policy = json.loads(flawscope("info", SHIPPED, "--json"))["manifest"]["policy"]
    roots = [*(data(name) for name in BASE_SETS), rendered_parts(work)]
    return {
        "turned_from": policy["turned_from"],
        "figures": {
            root.name: {
                name: judge(model, root, split(root, work), "--any-kind")
                for name, model in (("once", once), ("turned", SHIPPED))
            }
            for root in roots
        },
    }


def engines(_work: Path, _minutes: float) -> dict[str, Any]:
    """The shipped model on two engines, on images of every real set."""
    paths = [path for name in BASE_SETS for path in _photographs(data(name))]
    paths = paths[:: max(1, len(paths) // COMPARED)][:COMPARED]
    first, second = (Inspector.load(SHIPPED, engine=name, precision="float32") for name in ENGINES)
    differing, score, kinds, heat = 0, 0.0, 0.0, 0.0
    for path in paths:
        image = open_image(path)
        one, other = first.examine(image), second.examine(image)
        differing += one.inspection.verdict is not other.inspection.verdict
        score = max(score, abs(one.inspection.score - other.inspection.score))
        pairs = zip(one.inspection.kinds.values(), other.inspection.kinds.values(), strict=True)
        kinds = max(kinds, *(abs(mine - theirs) for mine, theirs in pairs))
        if one.heat is not None and other.heat is not None:
            heat = max(heat, float(np.abs(one.heat - other.heat).max()))
    return {
        "images": len(paths),
        "verdicts_differing": differing,
        "largest_difference": {"score": score, "kinds": kinds, "map": heat},
    }


def _photographs(root: Path) -> list[Path]:
    return [sample.image for sample in read(root).samples]


EXPERIMENTS: dict[str, tuple[Callable[[Path, float], dict[str, Any]], float]] = {
    "base": (base, 60.0),
    "magnetic-tile": (lambda work, minutes: alone("magnetic-tile", work, minutes), 40.0),
    "turning": (turning, 0.0),
    "engines": (engines, 0.0),
    "neu-steel": (lambda work, minutes: alone("neu-steel", work, minutes), 30.0),
    "founding": (versus, 40.0),
    "gates": (gates, 40.0),
    "leaks": (leaks, 40.0),
    "second-look": (second_look, 40.0),
    "freezing": (freezing, 0.0),
    "transfer": (transfer, 0.0),
    "draws": (draws, 0.0),
    "unseen": (unseen, 0.0),
}
"""By name: what to do, and for how many minutes to train."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=EXPERIMENTS)
    parser.add_argument("--minutes", type=float, help="of training, instead of the experiment's")
    parser.add_argument("--work", type=Path, default=Path("runs"))
    given = parser.parse_args()
    experiment, minutes = EXPERIMENTS[given.name]
    given.work.mkdir(parents=True, exist_ok=True)
    found = experiment(given.work, given.minutes or minutes)
    RESULTS.mkdir(exist_ok=True)
    out = RESULTS / f"{given.name}.json"
    out.write_text(json.dumps({"minutes": given.minutes or minutes, "test": found}, indent=1))
    print(out)


if __name__ == "__main__":
    main()
