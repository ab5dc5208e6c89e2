"""What a model trained on other parts is worth where few images of a new part are labelled."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flawscope.bundle import shipped_model
from flawscope.data import apply_split, read, read_split
from flawscope.evaluate import iou
from flawscope.evaluate.intervals import estimates, numbered
from flawscope.evaluate.pixels import count_pixels
from flawscope.runtime import Inspector
from runs import data, judge, rendered_parts, settings, split, train

BASES: Mapping[str, tuple[str, ...]] = {
    "ball-screw": ("magnetic-tile", "neu-steel", "neu-det", "casting"),
    "neu-steel": ("magnetic-tile", "ball-screw", "casting"),
    "magnetic-tile": ("neu-steel", "ball-screw", "neu-det", "casting"),
}
"""By the set that a base never saw, the sets that it is trained on. NEU-DET is of the same mill
as NEU steel, so it is left out with it."""

TABLED = ("ball-screw", "neu-steel")
"""The sets of ``transfer``."""

BASE_ROUNDS = ((500, 2e-3), (700, 1e-3))
"""Optimiser steps and learning rate of each round in which a base is trained, the second from what
came of the first, as the shipped model is; not every base has the second."""

STEPS, BATCH = 120, 8
"""Optimiser steps of each start, and crops a step; the same for every start and number."""

NUMBERS: tuple[int | None, ...] = (5, 10, 20, None)
"""Images of each kind in the train part, and as many in the validation part; ``None``: all."""

STARTS = ("base", "imagenet", "nothing")

DRAWN: Mapping[str, int] = {"neu-steel": 2, "magnetic-tile": 1}
"""The sets that few images are drawn of, and in how many rounds their base is trained."""

FEW, DRAWS = 10, 3
"""How many images of each kind are drawn how often."""

DRAWN_FROM = ("base", "imagenet")

UNSEEN = "x-sdd"
"""Rolled steel of another mill, by kind; nobody says where the defects are."""


def transfer(work: Path, _minutes: float) -> dict[str, Any]:
    """Each left-out set from each start, on so many images; two sets at once, a core each."""
    rendered_parts(work)
    for name in {*TABLED, *(other for one in TABLED for other in BASES[one])}:
        split(data(name), work)
    with ThreadPoolExecutor(len(TABLED)) as pool:
        jobs = [pool.submit(_left_out, work, name, core) for core, name in enumerate(TABLED)]
        found = {name: job.result() for name, job in zip(TABLED, jobs, strict=True)}
    return {"steps": STEPS, "base_steps": _steps(1), "batch": BATCH, "sets": found}


def draws(work: Path, _minutes: float) -> dict[str, Any]:
    """Of each set, other few images each time, from a base that never saw it and from ImageNet."""
    sets = {}
    for name, rounds in DRAWN.items():
        drawn = _drawn(work, name, _base(work, name, None, rounds))
        sets[name] = {**drawn, "base_steps": _steps(rounds), "gain": _gain(work, name)}
    return {"sets": sets}


def unseen(work: Path, _minutes: float) -> dict[str, Any]:
    """The same of a set that the shipped model never saw, from that model and from ImageNet."""
    return _drawn(work, UNSEEN, shipped_model())


def _drawn(work: Path, name: str, base: Path) -> dict[str, Any]:
    """Two starts on a few images of a set, other ones each time; a core for each start."""
    root, whole = data(name), split(data(name), work)
    found = []
    for draw in range(DRAWS):
        file = few(whole, root, work, FEW, draw)

        def figures(start: str, core: int, draw: int = draw, file: Path = file) -> dict[str, Any]:
            model = _started(root, file, _run(work, name, draw, start), start, base, core)
            return judge(model, root, whole, core=core)

        with ThreadPoolExecutor(2) as pool:
            jobs = {
                start: pool.submit(figures, start, core) for core, start in enumerate(DRAWN_FROM)
            }
            found.append({start: job.result() for start, job in jobs.items()})
    return {
        "dataset": name,
        "images": FEW,
        "steps": STEPS,
        "batch": BATCH,
        "draws": found,
    }


def _run(work: Path, name: str, draw: int, start: str) -> Path:
    return work / "transfer" / f"{name}-draw-{draw}-{start}"


def _gain(work: Path, name: str) -> dict[str, Any]:
    """What the base gains over ImageNet in the mean of the draws, with a 95 % interval.

    Every model is judged on the same parts, so that the interval, of a bootstrap over parts, is of
    the differences: a part that is hard is hard for all.
    """
    dataset = apply_split(read(data(name)), read_split(split(data(name), work)))
    samples = [sample for sample in dataset.samples if sample.split == "test"]

    def counted(draw: int, start: str) -> NDArray[np.float64]:
        """Pixels both, found and true (n, 1 + k, 3), of any kind and of each."""
        inspector = Inspector.load(_run(work, name, draw, start) / "inspector.flaw")
        rows = []
        for sample in samples:
            pixels = count_pixels(sample, inspector.inspect(sample.image), dataset.kinds)
            assert pixels.kinds is not None  # these sets name every defect
            rows.append([pixels.any_kind, *pixels.kinds])
        return np.array(rows, dtype=float)

    counts = np.stack(
        [[counted(draw, start) for start in DRAWN_FROM] for draw in range(DRAWS)]
    )  # (draws, starts, n, 1 + k, 3)

    def gained(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        ious = iou(np.einsum("rn,dsnkc->rdskc", weights, counts))
        figures = np.stack([np.nanmean(ious[..., 1:], axis=-1), ious[..., 0]])
        gains: NDArray[np.float64] = (figures[..., 0] - figures[..., 1]).mean(axis=-1).T
        return gains

    groups = numbered([sample.group for sample in samples])
    hinges = np.ones((len(samples), 2), dtype=bool)
    found = estimates(gained, groups, hinges, [len(samples)] * 2)
    return {key: asdict(one) for key, one in zip(("mean_iou", "any_kind_iou"), found, strict=True)}


def _left_out(work: Path, name: str, core: int) -> dict[str, Any]:
    base = _base(work, name, core)
    root, whole = data(name), split(data(name), work)
    found: dict[str, Any] = {}
    for number in NUMBERS:
        file = whole if number is None else few(whole, root, work, number)
        for start in STARTS:
            run = work / "transfer" / f"{name}-{number or 'all'}-{start}"
            model = _started(root, file, run, start, base, core)
            # Judged by the whole split: its test part is the same for every number.
            found.setdefault(str(number or "all"), {})[start] = judge(model, root, whole, core=core)
    return found


def _started(root: Path, file: Path, run: Path, start: str, base: Path, core: int) -> Path:
    """The model of a short run from one of ``STARTS``."""
    extra: list[str | Path] = settings(
        schedule__steps=STEPS,
        schedule__batch=BATCH,
        schedule__validations=3,
        certificate__pictures=0,
    )
    if start == "base":
        extra += ["--from", base]
    elif start == "nothing":
        extra += settings(encoder__pretrained="false", encoder__frozen=0)
    model = train([root], [file], run, *extra, core=core)
    (run / "last.pt").unlink(missing_ok=True)
    return model


def _base(work: Path, left_out: str, core: int | None, rounds: int = 1) -> Path:
    roots = [*(data(name) for name in BASES[left_out]), rendered_parts(work)]
    splits = [split(root, work) for root in roots]
    models: list[Path] = []
    for number, (steps, rate) in enumerate(BASE_ROUNDS[:rounds], 1):
        shown = settings(
            schedule__steps=steps,
            schedule__learning_rate=rate,
            schedule__validations=3,
            crops__size=224,
            certificate__pictures=0,
        )
        before = ["--from", models[-1]] if models else []
        run = work / "transfer" / f"base-without-{left_out}{f'-round-{number}' if models else ''}"
        models.append(train(roots, splits, run, "--recipe", "base", *shown, *before, core=core))
    return models[-1]


def _steps(rounds: int) -> int:
    """Optimiser steps of a base that is trained in so many rounds."""
    return sum(steps for steps, _ in BASE_ROUNDS[:rounds])


def few(whole: Path, root: Path, work: Path, number: int, draw: int = 0) -> Path:
    """A split with ``number`` images of each kind to train on, and to validate on, by part.

    A part that is named is taken whole, so there are some images more. What is left over lies with
    the test part, which training never looks at. Each ``draw`` is by another seed.
    """
    out = work / f"{root.name}-{number}{f'-{draw}' if draw else ''}.split.json"
    if out.exists():
        return out
    document = json.loads(whole.read_text(encoding="utf-8"))
    samples = read(root).samples
    kinds = {sample.id: sample.kinds or (sample.label.value,) for sample in samples}
    named = any(sample.group for sample in samples)
    for part in ("train", "validation"):
        groups = document["parts"][part]
        names = sorted(groups)
        random.Random(draw).shuffle(names)
        seen: Counter[str] = Counter()
        kept: dict[str, list[str]] = {}
        for group in names:
            images = groups[group]
            for taken in [images] if named else [[image] for image in images]:
                shown = [kind for image in taken for kind in kinds[image]]
                wanted = any(seen[kind] < number for kind in shown)
                seen.update(shown if wanted else ())
                home, name = (kept, group) if wanted else (document["parts"]["test"], f"-{group}")
                home.setdefault(name, []).extend(taken)
        document["parts"][part] = kept
    out.write_text(json.dumps(document), encoding="utf-8")
    return out
