"""``flawscope train``: labelled parts in, a model file out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli.console import note, sharing, show_facts
from flawscope.cli.datasets import LayoutOption
from flawscope.cli.launching import speaks, start_peers
from flawscope.errors import MissingExtraError

if TYPE_CHECKING:
    from flawscope.train import TrainedModel


def train(
    datasets: Annotated[
        list[Path],
        typer.Argument(metavar="DATASET...", help="Folders of labelled parts, in any layouts."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="RUN", help="The run's folder: curves, weights, model.")
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            "--recipe", metavar="NAME", help="A recipe's name or YAML file; default: shared."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a key of the recipe, as in crops.size=320."
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", metavar="MODEL", help="Start from this model's weights."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Budget that the schedule fits into.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run where it was stopped.")
    ] = False,
    split_files: Annotated[
        list[Path] | None,
        typer.Option(
            "--split-file",
            metavar="FILE",
            help="As written by data split, one for each dataset; default: NAME.split.json here.",
        ),
    ] = None,
    track: Annotated[
        list[str] | None,
        typer.Option(
            "--track",
            metavar="NAME",
            help="Tell a tracker too: wandb, tensorboard, mlflow or trackio; may be repeated.",
        ),
    ] = None,
    layout: LayoutOption = None,
) -> None:
    """Train a model and write it, with its recipe, curves and weights, to a run folder.

    A dataset without a split is split by part first. Ctrl-C saves; --resume goes on from there.
    """
    start_peers()
    run = _training()
    try:
        with sharing("training") as told:
            trained = run(
                datasets,
                out,
                recipe=recipe,
                settings=settings or (),
                start_from=start,
                minutes=minutes,
                resume=resume,
                layout=layout,
                split_files=split_files or (),
                track=track or (),
                report=told,
            )
    except KeyboardInterrupt:
        if speaks():
            note(f"stopped; the same command with --resume goes on with {out}", "yellow")
        raise
    if speaks():
        _tell(trained)


def _tell(trained: TrainedModel) -> None:
    for text in trained.notes:
        note(text)
    show_facts(
        [
            ("model", str(trained.model)),
            ("steps", str(trained.steps)),
            ("minutes", f"{trained.minutes:.1f}"),
            ("validation score", f"{trained.score:.4f}"),
        ]
    )


def _training() -> Callable[..., TrainedModel]:
    """The function that trains, where the packages it needs are installed."""
    try:
        from flawscope.train import train as run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "flawscope":
            raise
        raise MissingExtraError("training", "train") from error
    return run
