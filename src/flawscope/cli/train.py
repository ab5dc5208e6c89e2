"""``flawscope train``: labelled parts in, a model file out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.console import show
from flawscope.cli.datasets import LayoutOption, SplitFileOption


def train(
    datasets: Annotated[
        list[Path],
        typer.Argument(metavar="DATASET...", help="Folders of labelled parts, in any layouts."),
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="RUN", help="The run's folder: curves, weights, model.")
    ],
    recipe: Annotated[
        str, typer.Option("--recipe", metavar="NAME", help="A recipe's name or YAML file.")
    ] = "shared",
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
    split_file: SplitFileOption = None,
    layout: LayoutOption = None,
) -> None:
    """Train a model and write it, with its curves and its recipe, to a run folder."""
    raise NotImplementedError
