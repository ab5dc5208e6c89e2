"""The command line as the experiments call it: splits, training, judging."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flawscope.synth import write_dataset

RENDERED = 600
"""Rendered parts that base models are trained on beside real ones."""


def data(name: str) -> Path:
    """The folder of a real dataset."""
    root = os.environ.get("FLAWSCOPE_DATA")
    if not root:
        sys.exit("FLAWSCOPE_DATA is unset: name the folder that holds the real datasets")
    return Path(root) / name


def flawscope(*arguments: str | Path, core: int | None = None) -> str:
    """Runs the command line, on one core if it is named, and gives back what it printed."""
    command = [sys.executable, "-m", "flawscope", *map(str, arguments)]
    if core is not None:
        command = ["taskset", "--cpu-list", str(core), *command]
    print("$ flawscope", *arguments, file=sys.stderr, flush=True)
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def split(root: Path, work: Path, *, leaky: bool = False) -> Path:
    """The split file of a dataset, made once."""
    out = work / f"{root.name}{'-leaky' if leaky else ''}.split.json"
    if not out.exists():
        flawscope("data", "split", root, "--out", out, *(["--leaky"] if leaky else []))
    return out


def train(
    roots: Sequence[Path],
    splits: Sequence[Path],
    run: Path,
    *extra: str | Path,
    core: int | None = None,
) -> Path:
    """The model file of a run, trained anew, resumed, or as it is."""
    model = run / "inspector.flaw"
    if not model.exists():
        files = [word for path in splits for word in ("--split-file", path)]
        again = ["--resume"] if (run / "recipe.yaml").exists() else []
        flawscope("train", *roots, "--out", run, *files, *extra, *again, core=core)
    return model


def steps(run: Path) -> int:
    """How many steps a run made."""
    rows = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return max(json.loads(row)["step"] for row in rows)


def rendered_parts(work: Path) -> Path:
    """The folder of rendered parts, drawn once."""
    root = work / "rendered"
    if not root.exists():
        write_dataset(root, RENDERED, seed=1, size=(288, 288))
    split(root, work)
    return root


def settings(**values: object) -> list[str]:
    """``--set`` for each key of a recipe, with two underscores for a dot."""
    return [
        word
        for key, value in values.items()
        for word in ("--set", f"{key.replace('__', '.')}={value}")
    ]


def judge(
    model: Path, root: Path, split_file: Path, *extra: str, core: int | None = None
) -> dict[str, Any]:
    """What evaluate says of the test part."""
    text = flawscope(
        *("evaluate", root, "--model", model, "--split-file", split_file, "--split", "test"),
        *("--json", *extra),
        core=core,
    )
    found: dict[str, Any] = json.loads(text)
    return found
