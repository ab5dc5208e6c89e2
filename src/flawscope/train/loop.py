"""The training loop; it reads from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from accelerate import Accelerator
from timm.utils.model_ema import ModelEmaV3

from flawscope.nets import Network
from flawscope.train.checkpoint import (
    Progress,
    load_best,
    put_back,
    read_last,
    save_best,
    save_last,
)
from flawscope.train.crops import Crop, Crops
from flawscope.train.cutting import cutting
from flawscope.train.interrupts import interrupts_held
from flawscope.train.journal import Journal
from flawscope.train.losses import Batch, network_losses
from flawscope.train.peers import ALONE, Peers
from flawscope.train.recipe import Freeze, Recipe, ScheduleRecipe, UntilEpoch
from flawscope.train.supervision import Curriculum
from flawscope.train.together import together
from flawscope.train.tracking import Tracking
from flawscope.train.validating import Validation, thinned, validate

Report = Callable[[float, str], None]
"""Told the share of the work that is done and, in a few words, how it goes."""

_LOG_EVERY = 20
_FEWEST_LOGGED = 10
"""Rows of losses in a run, at least, however short it is."""
_VALIDATION_IMAGES = 160
_LARGEST_GRADIENT = 5.0
_TRAINING_SHARE = 0.95
"""Of a budget in minutes; the rest is kept for choosing and exporting."""


@dataclass(slots=True)
class _Run:
    """What a step works on. Of several processes each has its own, and all are equal.

    Attributes:
        learning: parameters of the encoder that learn while it does not rest.
        progress: the main process's.
        journal: the main process's alone.
    """

    network: Network
    average: ModelEmaV3
    optimizer: torch.optim.Optimizer
    accelerator: Accelerator
    peers: Peers
    recipe: Recipe
    folder: Path
    learning: list[torch.nn.Parameter]
    progress: Progress
    journal: Journal | None


def fit(
    network: Network,
    curriculum: Curriculum,
    recipe: Recipe,
    folder: Path,
    *,
    freeze: Freeze = "none",
    resume: bool = False,
    spent: float = 0.0,
    trackers: Tracking | None = None,
    report: Report = lambda _share, _words: None,
    peers: Peers = ALONE,
) -> Progress:
    """Trains a network to the plateau of its validation score; it is left with its best weights.

    Ctrl-C ends the step at hand, saves, and then interrupts. Of several processes each steps
    through its share of every batch; the main one keeps time, judges and writes, and it alone is
    left with the best weights.

    Args:
        network: changed in place.
        curriculum: what there is to learn, by part of the split.
        recipe: resolved, its ``precision`` included.
        folder: of the run; checkpoints, metrics and curves are kept there.
        freeze: whether the encoder keeps its weights, or for how long.
        resume: go on from the folder's last checkpoint.
        spent: seconds that preparing took, which count against a budget in minutes.
        trackers: told what is logged.
        report: called as training goes on, by the main process.
        peers: who trains together.
    """
    peers = peers.sharing(recipe.schedule.batch)
    run = _started(network, recipe, folder, peers, resume=resume)
    schedule = recipe.schedule
    held_out = thinned(curriculum.lessons["validation"], _VALIDATION_IMAGES)
    if run.journal is not None:
        run.journal.tell(trackers or Tracking(), held_out, curriculum.kinds)
    resting = _resting_steps(freeze, len(curriculum.lessons["train"]), schedule.batch)
    done = run.progress.done
    began = time.monotonic() - run.progress.seconds - spent

    def follow(losses: dict[str, float], before: float, *, stop: bool) -> Progress:
        """Logs, validates and saves what is due after a step."""
        progress, journal = run.progress, run.journal
        assert journal is not None
        progress.seconds = time.monotonic() - began
        share = _share(progress, schedule)
        if progress.step % _log_every(schedule) == 0:
            journal.log(progress, learning_rate=_learning_rate(run), **losses)
            report(share, f"step {progress.step}, loss {losses['loss']:.3f}")
        if _is_due(progress.step, before, share, schedule):
            with _autocast(recipe, run.accelerator):
                found = validate(run.average.module, held_out, curriculum.kinds, journal.look)
            progress.seconds = time.monotonic() - began
            _judge(run, journal, found)
            report(share, f"step {progress.step}, validation score {found.score:.3f}")
        if stop:
            _save(run)
        return progress

    stop = None
    steps = range(schedule.steps if done else run.progress.step, schedule.steps)
    with (
        _batches(curriculum, recipe, steps, peers.share) as batches,
        interrupts_held() as interrupt,
    ):
        while not run.progress.done and stop is None:
            before = _share(run.progress, schedule)
            own = _step(run, next(batches), before, rests=run.progress.step < resting)
            run.progress.step += 1
            losses, stop = _told(peers, own, interrupt.signal)
            run.progress = peers.from_main(partial(follow, losses, before, stop=stop is not None))
        interrupt.signal = interrupt.signal or stop
    if run.journal is not None:
        run.journal.close()
        load_best(folder, network)
    return run.progress


def _started(network: Network, recipe: Recipe, folder: Path, peers: Peers, *, resume: bool) -> _Run:
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    network.to(accelerator.device).to(memory_format=torch.channels_last)
    peers.align(network)
    average = ModelEmaV3(network, decay=recipe.schedule.average, use_warmup=True)
    optimizer = _optimizer(network, recipe.schedule)
    state = peers.from_main(partial(read_last, folder)) if resume else None
    progress = Progress() if state is None else put_back(state, folder, network, average, optimizer)
    return _Run(
        network=network,
        average=average,
        optimizer=accelerator.prepare(optimizer),
        accelerator=accelerator,
        peers=peers,
        recipe=recipe,
        folder=folder,
        learning=[one for one in network.encoder.parameters() if one.requires_grad],
        progress=progress,
        journal=Journal(folder, progress.rows) if peers.main else None,
    )


def _told(
    peers: Peers, losses: dict[str, float], signal: int | None
) -> tuple[dict[str, float], int | None]:
    """The losses of the whole batch, and the signal by which any process was asked to stop."""
    told = peers.told((losses, signal))
    whole = {name: sum(theirs[name] for theirs, _ in told) for name in losses}
    return whole, next((number for _, number in told if number is not None), None)


def _resting_steps(freeze: Freeze, images: int, batch: int) -> float:
    """For how many steps the encoder keeps its weights."""
    if isinstance(freeze, UntilEpoch):
        return freeze.until_epoch * math.ceil(images / batch)
    return math.inf if freeze == "encoder" else 0


def _step(run: _Run, crops: Crop, share: float, *, rests: bool) -> dict[str, float]:
    """One step of the optimiser; gives back this process's losses by name."""
    recipe, network, peers = run.recipe, run.network, run.peers
    reduced = recipe.schedule.reduce_to**run.progress.reductions
    for group in run.optimizer.param_groups:
        group["lr"] = group["base"] * _rate(share, recipe.schedule) * reduced
    torch.manual_seed(recipe.seed * 1_000_003 + run.progress.step)
    network.train()
    network.encoder.train(not rests)  # a resting encoder keeps its statistics as well
    for parameter in run.learning:
        parameter.requires_grad_(not rests)
    batch = Batch.of(crops, network.channels, run.accelerator.device)
    precision = _autocast(recipe, run.accelerator)
    with together(peers):
        losses = network_losses(network, batch, recipe.losses, precision, peers)
    run.accelerator.backward(losses.total)
    peers.sum_gradients(network.parameters())
    run.accelerator.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
    run.optimizer.step()
    run.optimizer.zero_grad()
    run.average.update(network, step=run.progress.step)
    parts = {f"loss_{name}": loss.item() for name, loss in losses.parts.items()}
    return {"loss": losses.total.item(), **parts}


def _judge(run: _Run, journal: Journal, found: Validation) -> None:
    """Keeps the weights if none before were better, and stops on a plateau."""
    progress, schedule = run.progress, run.recipe.schedule
    journal.log(progress, score=found.score, **found.figures)
    better = found.score > progress.best
    progress.stale = 0 if better else progress.stale + 1
    progress.since = 0 if better else progress.since + 1
    if schedule.rate == "plateau" and progress.since >= schedule.reduce_after:
        progress.reductions, progress.since = progress.reductions + 1, 0
    if found.score >= progress.best:  # Of equals the later, which has seen more, is kept.
        progress.best = found.score
        save_best(run.folder, run.average)
    progress.done = _share(progress, schedule) >= 1.0 or progress.stale >= schedule.patience
    _save(run)


def _save(run: _Run) -> None:
    save_last(run.folder, run.network, run.average, run.optimizer, run.progress)


def _log_every(schedule: ScheduleRecipe) -> int:
    return max(1, min(_LOG_EVERY, schedule.steps // _FEWEST_LOGGED))


def _share(progress: Progress, schedule: ScheduleRecipe) -> float:
    """How much of the schedule is done: by steps or by minutes, whichever is further."""
    share = progress.step / schedule.steps
    if schedule.minutes is not None:
        share = max(share, progress.seconds / (schedule.minutes * 60 * _TRAINING_SHARE))
    return min(share, 1.0)


def _is_due(step: int, before: float, share: float, schedule: ScheduleRecipe) -> bool:
    """Whether a step that took the schedule from ``before`` to ``share`` is to be validated."""
    if schedule.validate_every:
        return step % schedule.validate_every == 0 or share >= 1.0
    return int(share * schedule.validations) > int(before * schedule.validations)


def _rate(share: float, schedule: ScheduleRecipe) -> float:
    """Learning rate as a share of its highest: a linear rise, then by the schedule's rule."""
    warm_up = schedule.warm_up
    if share < warm_up:
        return 0.02 + 0.98 * share / warm_up
    if schedule.rate == "plateau":
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * (share - warm_up) / (1.0 - warm_up)))


def _learning_rate(run: _Run) -> float:
    return float(run.optimizer.param_groups[-1]["lr"])


def _optimizer(network: Network, schedule: ScheduleRecipe) -> torch.optim.Optimizer:
    """AdamW; the encoder learns more slowly, and biases and norms do not decay."""
    highest = schedule.learning_rate * network.rate
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        pretrained = name.startswith("encoder.")
        groups.setdefault((pretrained, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": schedule.weight_decay if decays else 0.0,
                "base": highest * (schedule.encoder_rate if pretrained else 1.0),
            }
            for (pretrained, decays), parameters in groups.items()
        ],
        fused=True,
    )


def _batches(
    curriculum: Curriculum, recipe: Recipe, steps: range, share: range
) -> AbstractContextManager[Iterator[Crop]]:
    """This process's rows of the batches of some steps."""
    size = recipe.schedule.batch
    crops = Crops(curriculum.lessons["train"], curriculum.kinds, recipe)
    firsts = [step * size for step in steps]
    return cutting(crops, [range(one + share.start, one + share.stop) for one in firsts])


def _autocast(recipe: Recipe, accelerator: Accelerator) -> AbstractContextManager[object]:
    if recipe.precision == "bfloat16":
        return torch.autocast(accelerator.device.type, torch.bfloat16)
    return nullcontext()
