"""A run's state on disk, so that a killed run goes on exactly where it was."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from timm.utils.model_ema import ModelEmaV3
from torch import nn

from flawscope.errors import TrainingError
from flawscope.files import written_whole

LAST = "last.pt"
BEST = "best.pt"


@dataclass(slots=True)
class Progress:
    """How far a run is.

    Attributes:
        step: optimiser steps done.
        seconds: wall time spent training, over all resumptions.
        best: the best validation score.
        stale: validations since then.
        reductions: how often the learning rate was reduced on a plateau.
        since: validations without a better score since the last reduction, or since that score.
        done: the schedule has ended; only choosing and exporting are left.
        rows: everything that was logged.
    """

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    stale: int = 0
    reductions: int = 0
    since: int = 0
    done: bool = False
    rows: list[dict[str, float]] = field(default_factory=list)


def save_last(
    folder: Path,
    cascade: nn.Module,
    average: ModelEmaV3,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Writes everything that is needed to go on.

    Raises:
        TrainingError: it cannot be written; the checkpoint before it stays.
    """
    state = {
        "cascade": cascade.state_dict(),
        "average": average.module.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": asdict(progress),
    }
    _write(folder / LAST, state)


def read_last(folder: Path) -> dict[str, Any] | None:
    """A run's state as it was last written; ``None`` if it was stopped before that.

    Raises:
        TrainingError: the checkpoint is damaged.
    """
    return _load(folder / LAST) if (folder / LAST).exists() else None


def put_back(
    state: dict[str, Any],
    folder: Path,
    cascade: nn.Module,
    average: ModelEmaV3,
    optimizer: torch.optim.Optimizer,
) -> Progress:
    """Puts back a state that ``read_last`` found in a run's folder.

    Raises:
        TrainingError: it is of another network.
    """
    try:
        cascade.load_state_dict(state["cascade"])
        average.module.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise TrainingError(
            "the checkpoint is of a network for other kinds, or built otherwise",
            where=folder / LAST,
            remedy="Resume with the datasets and options that the run was begun with",
        ) from error
    return Progress(**state["progress"])


def save_best(folder: Path, average: ModelEmaV3) -> None:
    """Writes the averaged weights that validated best; raises as ``save_last``."""
    _write(folder / BEST, average.module.state_dict())


def load_best(folder: Path, cascade: nn.Module) -> None:
    """Loads the averaged weights that validated best."""
    cascade.load_state_dict(_load(folder / BEST))


def _write(path: Path, state: dict[str, Any]) -> None:
    try:
        with written_whole(path) as beside:
            torch.save(state, beside)
    except (OSError, RuntimeError) as error:  # what PyTorch's own writer raises on a full disk
        raise TrainingError(
            f"the checkpoint cannot be written ({str(error).splitlines()[0]})",
            where=path,
            remedy="Make room, then go on from the checkpoint before it with --resume",
        ) from error


def _load(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise TrainingError(
            f"the checkpoint is damaged ({error})", where=path, remedy="Train anew elsewhere"
        ) from error
    return state
