"""A training run: labelled images in, a folder with curves, weights and ``inspector.flaw`` out."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from flawscope.bundle import Bundle
from flawscope.data.splitting import SPLITS
from flawscope.errors import RecipeError, TrainingError
from flawscope.files import write_text
from flawscope.nets import Network
from flawscope.train.checkpoint import Progress
from flawscope.train.finishing import finish
from flawscope.train.loop import Report, fit
from flawscope.train.memory import keep_memory
from flawscope.train.networks import Part, build, lessons_for, parts_of, refuse_misfits
from flawscope.train.peers import meet
from flawscope.train.precision import fastest_precision
from flawscope.train.preparing import Prepared, prepare
from flawscope.train.recipe import Recipe, load_recipe, recipe_yaml
from flawscope.train.supervision import Curriculum, plan
from flawscope.train.tracking import Tracking, tracking, usable_trackers

MODEL = "inspector.flaw"
RECIPE = "recipe.yaml"


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a run leaves behind.

    Attributes:
        model: the model file.
        steps: optimiser steps done.
        minutes: wall time spent training.
        score: the best validation score; of several networks, their mean.
        metrics: figures of the finished model on the validation part, by dataset.
        notes: where splits came from, where trackers keep the run, which precisions the model
            has no certificate for, and the like.
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

    Where ``accelerate launch`` or ``torchrun`` started several processes they train together: the
    main one alone reads the datasets' labels, decides, tells and writes, and all return the same.
    Pictures must be found at the same path by all of them.

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
    peers = meet()
    track = usable_trackers(track) if peers.main else ()
    keep_memory()
    resolve = partial(_resolved, out, recipe, settings, minutes, resume=resume)
    resolved = peers.from_main(resolve)
    origin = Bundle.open(start_from) if start_from is not None else None
    roots = [root.resolve() for root in roots]  # so that even "." has a name
    prepared = peers.from_main(partial(prepare, roots, out, layout=layout, split_files=split_files))
    if resume:
        peers.from_main(partial(_refuse_others, prepared, out))
    curriculum = plan(prepared.datasets, resolved)
    parts = parts_of(resolved, curriculum)
    # All of them first: a name that is wrong in the last must not cost the minutes of the others.
    networks = [_begun(part, curriculum, origin, resolved).to(peers.device) for part in parts]
    refuse_misfits(parts, networks, resolved.crops.size)
    shares = sum(part.share for part in parts)
    spent = time.monotonic() - began
    trained: list[tuple[Part, Network]] = []
    done: list[Progress] = []
    followed: list[Tracking] = []
    with ExitStack() as open_trackers:
        for part, network in zip(parts, networks, strict=True):
            if not trained:  # One precision for all, so that resuming finds the same.
                resolved = peers.from_main(partial(_set_out, resolved, network, prepared, out))
            torch.manual_seed(resolved.seed)
            folder, title = out, out.resolve().name
            if len(parts) > 1:
                folder, title = out / part.name, f"{title}, {part.name}"
            followed.append(open_trackers.enter_context(tracking(track, folder, resolved, title)))
            progress = fit(
                network,
                lessons_for(part, curriculum),
                _budgeted(resolved, part, parts),
                folder,
                freeze=part.freeze,
                resume=resume,
                spent=spent * part.share / shares,
                trackers=followed[-1],
                report=_reporting(report, part, parts),
                peers=peers,
            )
            trained.append((part, network))
            done.append(progress)
        if peers.main:
            report(1.0, "choosing thresholds and writing the model")
        metrics, uncertified = peers.from_main(
            partial(
                finish,
                trained,
                curriculum,
                prepared,
                resolved,
                out / MODEL,
                origin=origin,
                told=lambda what: report(1.0, what),
            )
        )
    return TrainedModel(
        model=out / MODEL,
        steps=sum(one.step for one in done),
        minutes=sum(one.seconds for one in done) / 60,
        score=sum(one.best for one in done) / len(done),
        metrics=metrics,
        notes=(*prepared.notes, *(note for one in followed for note in one.notes), *uncertified),
    )


def _begun(part: Part, curriculum: Curriculum, origin: Bundle | None, recipe: Recipe) -> Network:
    torch.manual_seed(recipe.seed)
    return build(part, curriculum.kinds, origin)


def _set_out(recipe: Recipe, network: Network, prepared: Prepared, out: Path) -> Recipe:
    """The recipe with its precision; it and the splits are written down."""
    if recipe.precision == "auto":
        recipe = recipe.model_copy(update={"precision": fastest_precision(network)})
    prepared.keep_splits(out)  # first: what has a recipe can be gone on with
    write_text(out / RECIPE, recipe_yaml(recipe))
    return recipe


def _budgeted(recipe: Recipe, part: Part, parts: Sequence[Part]) -> Recipe:
    """The recipe with a network's share of the minutes."""
    minutes = recipe.schedule.minutes
    if minutes is None or len(parts) == 1:
        return recipe
    share = part.share / sum(one.share for one in parts)
    schedule = recipe.schedule.model_copy(update={"minutes": minutes * share})
    return recipe.model_copy(update={"schedule": schedule})


def _reporting(report: Report, part: Part, parts: Sequence[Part]) -> Report:
    """Tells the share of the whole run that a network's share comes to."""
    if len(parts) == 1:
        return report
    total = sum(one.share for one in parts)
    before = sum(one.share for one in parts[: parts.index(part)])

    def tell(share: float, words: str) -> None:
        report((before + share * part.share) / total, f"{part.name}: {words}")

    return tell


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


def _refuse_others(prepared: Prepared, out: Path) -> None:
    """Raises TrainingError if a run was begun on other datasets than it is to go on with."""
    begun = {path.stem for path in (out / SPLITS).glob("[!.]*.json")}
    given = {one.dataset for one in prepared.splits}
    if begun and begun != given:
        raise TrainingError(
            f"the run was begun on {_listed(begun)}, not on {_listed(given)}",
            where=out,
            remedy="Resume it with the same datasets, or start a new run",
        )


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names))


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
