"""A training run: labelled images in, a folder with curves, weights and ``inspector.flaw`` out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from flawscope.bundle import Bundle
from flawscope.errors import RecipeError, TrainingError
from flawscope.files import write_text
from flawscope.nets import SharedCascade, freeze, load_from_graphs
from flawscope.train.finishing import finish
from flawscope.train.loop import Report, fit
from flawscope.train.memory import keep_memory
from flawscope.train.precision import fastest_precision
from flawscope.train.preparing import SPLITS, prepare
from flawscope.train.recipe import Recipe, load_recipe, recipe_yaml
from flawscope.train.supervision import Curriculum, plan
from flawscope.train.tracking import tracking, usable_trackers

MODEL = "inspector.flaw"
RECIPE = "recipe.yaml"


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a run leaves behind.

    Attributes:
        model: the model file.
        steps: optimiser steps done.
        minutes: wall time spent training.
        score: the best validation score.
        metrics: figures of the finished model on the validation part, by dataset.
        notes: where splits came from, where trackers keep the run, and the like.
    """

    model: Path
    steps: int
    minutes: float
    score: float
    metrics: dict[str, Any]
    notes: tuple[str, ...]


def train(
    roots: Sequence[Path],
    out: Path,
    *,
    recipe: str | None = None,
    settings: Sequence[str] = (),
    start_from: Path | None = None,
    minutes: float | None = None,
    resume: bool = False,
    layout: str | None = None,
    split_files: Sequence[Path] = (),
    track: Sequence[str] = (),
    report: Report = lambda _share, _words: None,
) -> TrainedModel:
    """Trains a model on one or several datasets and writes it.

    Args:
        roots: folders of datasets; their layouts are detected unless ``layout`` names one.
        out: the run's folder; new or empty unless ``resume``.
        recipe: name of a recipe or a YAML file; ``shared`` unless resuming.
        settings: ``KEY=VALUE`` laid over the recipe.
        start_from: a model file whose weights training starts from.
        minutes: budget of wall time, choosing and exporting included.
        resume: go on with the run in ``out``, with exactly the crops it would have had.
        layout: of all the datasets.
        split_files: splits of some of the datasets; the others are split by group.
        track: trackers that are told how it goes: wandb, tensorboard, mlflow, trackio. They
            neither stop nor slow the run.
        report: told the share done and how it goes.

    Raises:
        RecipeError: the recipe has an unknown key or value, or resuming would change it.
        DatasetError, SplitError: a dataset or its split cannot be used.
        TrainingError: the run cannot start or go on.
        MissingExtraError: the client of a tracker is not installed.
    """
    began = time.monotonic()
    track = usable_trackers(track)
    keep_memory()
    resolved = _resolved(out, recipe, settings, minutes, resume=resume)
    origin = Bundle.open(start_from) if start_from is not None else None
    roots = [root.resolve() for root in roots]  # so that even "." has a name
    prepared = prepare(roots, out / SPLITS, layout=layout, split_files=split_files)
    curriculum = plan(prepared.datasets, resolved)
    torch.manual_seed(resolved.seed)
    cascade = _built(curriculum, resolved, origin)
    if resolved.precision == "auto":
        resolved = resolved.model_copy(update={"precision": fastest_precision(cascade)})
    write_text(out / RECIPE, recipe_yaml(resolved))
    prepared.keep_splits(out / SPLITS)
    spent = time.monotonic() - began
    with tracking(track, out, resolved) as trackers:
        progress = fit(
            cascade,
            curriculum,
            resolved,
            out,
            resume=resume,
            spent=spent,
            trackers=trackers,
            report=report,
        )
        report(1.0, "choosing thresholds and writing the model")
        metrics = finish(cascade, curriculum, prepared, resolved, out / MODEL, origin=origin)
    return TrainedModel(
        model=out / MODEL,
        steps=progress.step,
        minutes=progress.seconds / 60,
        score=progress.best,
        metrics=metrics,
        notes=(*prepared.notes, *trackers.notes),
    )


def _resolved(
    out: Path,
    recipe: str | None,
    settings: Sequence[str],
    minutes: float | None,
    *,
    resume: bool,
) -> Recipe:
    """The recipe to train by; on resuming the run's own, which must not change."""
    if minutes is not None:
        settings = [*settings, f"schedule.minutes={minutes}"]
    kept = out / RECIPE
    if not resume:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise TrainingError(
                "there is something already",
                where=out,
                remedy="Name a new one, or go on with the run there by --resume",
            )
        return load_recipe(recipe or "shared", settings)
    if not kept.exists():
        raise TrainingError("there is no run to resume", where=out, remedy="Leave out --resume")
    before = load_recipe(str(kept))
    wanted = load_recipe(recipe, settings) if recipe else load_recipe(str(kept), settings)
    if wanted.precision == "auto":
        wanted = wanted.model_copy(update={"precision": before.precision})
    differing = _difference(before.model_dump(), wanted.model_dump())
    if differing:
        raise RecipeError(
            f"the run was begun with another value of {differing}",
            where=kept,
            remedy="Resume it with the same recipe, or start a new run",
        )
    return before


def _difference(before: dict[str, Any], wanted: dict[str, Any], prefix: str = "") -> str | None:
    """The first key, dotted, that two recipes differ in."""
    for key in sorted(before.keys() | wanted.keys()):
        old, new = before.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            inner = _difference(old, new, f"{prefix}{key}.")
            if inner:
                return inner
        elif old != new:
            return f"{prefix}{key}"
    return None


def _built(curriculum: Curriculum, recipe: Recipe, origin: Bundle | None) -> SharedCascade:
    cascade = SharedCascade(
        len(curriculum.kinds),
        encoder=recipe.encoder.name,
        decoder_channels=recipe.decoder.channels,
        pretrained=recipe.encoder.pretrained and origin is None,
    )
    if origin is not None:
        load_from_graphs(
            cascade,
            [origin.read(stage.graph) for stage in origin.manifest.stages],
            old_kinds=origin.manifest.kinds,
            new_kinds=curriculum.kinds,
        )
    if recipe.encoder.pretrained or origin is not None:
        freeze(cascade.get_submodule("encoder"), recipe.encoder.frozen)
    # Already here, so that precisions are compared on what it will be trained on.
    return cascade.to("cuda" if torch.cuda.is_available() else "cpu")
