"""The experiments behind docs/benchmarks.md, each one command.

    FLAWSCOPE_DATA=... python benchmarks/experiments.py NAME [--minutes N] [--work DIR]

An experiment reads real images from FLAWSCOPE_DATA, works in DIR (default ``runs``), calls the
command line as a user would, and leaves what ``flawscope evaluate`` said of the test part in
``benchmarks/results/NAME.json``. A run that was stopped is resumed by the same command.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.data import read
from flawscope.images import open_image
from flawscope.runtime import ENGINES, Inspector
from flawscope.synth import write_dataset

HERE = Path(__file__).parent
RESULTS = HERE / "results"
SHIPPED = HERE.parent / "src" / "flawscope" / "models" / "base.flaw"

BASE_SETS = ("magnetic-tile", "neu-steel", "ball-screw", "neu-det", "casting")
RENDERED = 600
"""Rendered parts that the base model is trained on beside the real ones."""

COMPARED = 500
"""Images that two engines are compared on."""


def data(name: str) -> Path:
    """The folder of a real dataset."""
    root = os.environ.get("FLAWSCOPE_DATA")
    if not root:
        sys.exit("FLAWSCOPE_DATA is unset: name the folder that holds the real datasets")
    return Path(root) / name


def flawscope(*arguments: str | Path) -> str:
    """Runs the command line and gives back what it printed."""
    command = [sys.executable, "-m", "flawscope", *map(str, arguments)]
    print("$ flawscope", *arguments[0:], file=sys.stderr, flush=True)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def split(root: Path, work: Path, *, leaky: bool = False) -> Path:
    """The split file of a dataset, made once."""
    out = work / f"{root.name}{'-leaky' if leaky else ''}.split.json"
    if not out.exists():
        flawscope("data", "split", root, "--out", out, *(["--leaky"] if leaky else []))
    return out


def train(
    roots: Sequence[Path], splits: Sequence[Path], run: Path, minutes: float, *extra: str
) -> Path:
    """The model file of a run, trained anew, resumed, or as it is."""
    model = run / "inspector.flaw"
    if not model.exists():
        files = [word for path in splits for word in ("--split-file", path)]
        again = ["--resume"] if (run / "last.pt").exists() else []
        flawscope("train", *roots, "--out", run, *files, "--minutes", minutes, *extra, *again)
    return model


def judge(model: Path, root: Path, split_file: Path, *extra: str) -> dict[str, Any]:
    """What evaluate says of the test part."""
    text = flawscope(
        *("evaluate", root, "--model", model, "--split-file", split_file, "--split", "test"),
        *("--json", *extra),
    )
    found: dict[str, Any] = json.loads(text)
    return found


def alone(name: str, work: Path, minutes: float, *, leaky: bool = False) -> dict[str, Any]:
    """One dataset, trained and judged by its own split."""
    root = data(name)
    file = split(root, work, leaky=leaky)
    run = work / f"{name}{'-leaky' if leaky else ''}"
    return judge(train([root], [file], run, minutes), root, file)


def base(work: Path, minutes: float) -> dict[str, Any]:
    """The model that ships, judged on each set's test part."""
    rendered = work / "rendered"
    if not rendered.exists():
        write_dataset(rendered, RENDERED, seed=1, size=(288, 288))
    roots = [*(data(name) for name in BASE_SETS), rendered]
    splits = [split(root, work) for root in roots]
    model = train(roots, splits, work / "base", minutes, "--recipe", "base")
    SHIPPED.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model, SHIPPED)
    return {
        root.name: judge(model, root, file, "--any-kind")
        for root, file in zip(roots, splits, strict=True)
    }


def engines(_work: Path, _minutes: float) -> dict[str, Any]:
    """The shipped model on two engines, on images of every real set."""
    paths = [path for name in BASE_SETS for path in _photographs(data(name))]
    paths = paths[:: max(1, len(paths) // COMPARED)][:COMPARED]
    first, second = (Inspector.load(SHIPPED, engine=name) for name in ENGINES)
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
    "magnetic-tile-leaky": (
        lambda work, minutes: alone("magnetic-tile", work, minutes, leaky=True),
        40.0,
    ),
    "engines": (engines, 0.0),
    "neu-steel": (lambda work, minutes: alone("neu-steel", work, minutes), 30.0),
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
