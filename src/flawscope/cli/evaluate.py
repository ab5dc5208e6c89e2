"""``flawscope evaluate``: how good a model is on labelled parts."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from flawscope.cli import exits
from flawscope.cli.batch import name_broken
from flawscope.cli.console import note, progress, show, show_json
from flawscope.cli.datasets import (
    LayoutOption,
    SplitFileOption,
    part_of,
    read_dataset,
    unread,
    warn_of_seen,
    with_split,
)
from flawscope.cli.options import ModelOption, PrecisionOption, StreamsOption, ThreadsOption
from flawscope.errors import FlawscopeError

if TYPE_CHECKING:
    from flawscope.evaluate import Evaluation
    from flawscope.runtime import Inspector
    from flawscope.values import Dataset, Estimate


class Part(StrEnum):
    """Parts of a split."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


def evaluate(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A folder of labelled parts.")],
    model: ModelOption = None,
    precision: PrecisionOption = "auto",
    split: Annotated[
        Part | None,
        typer.Option(
            "--split",
            help="The part to judge on; default: test where a split is known, else everything.",
        ),
    ] = None,
    split_file: SplitFileOption = None,
    layout: LayoutOption = None,
    any_kind: Annotated[
        bool,
        typer.Option(
            "--any-kind", help="Judge defect or not only, as for parts that the model never saw."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Write a page with curves here.")
    ] = None,
    threads: ThreadsOption = None,
    streams: StreamsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say how good a model is, each figure with its 95 % interval and the images it rests on."""
    from flawscope.runtime import Inspector

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)  # sooner than after the work
    whole = with_split(read_dataset(dataset, layout), split_file, model)
    samples = part_of(whole, split)
    inspector = Inspector.load(model, threads=threads, streams=streams, precision=precision)
    for text in inspector.notes:
        note(text, "yellow")
    warn_of_seen(whole, inspector.manifest)
    evaluation, broken = _judge(inspector, samples, any_kind=any_kind)
    if out is not None:
        note(f"page: {_write_page(evaluation, inspector, samples, out)}")
    if as_json:
        show_json(evaluation.to_json())
    else:
        show(_table(evaluation))
    if broken:
        name_broken(broken, len(samples.samples))
    if broken or unread(whole):
        raise typer.Exit(exits.USER_ERROR)


def _judge(
    inspector: Inspector, dataset: Dataset, *, any_kind: bool
) -> tuple[Evaluation, list[FlawscopeError]]:
    from flawscope.evaluate import Tally
    from flawscope.runtime import Failure

    manifest = inspector.manifest
    tally = Tally(dataset.kinds, manifest.kinds, manifest.policy, any_kind=any_kind)
    broken = []
    results = inspector.inspect_many([sample.image for sample in dataset.samples])
    with progress() as bar:
        told = bar.track(results, total=len(dataset.samples), description="judging")
        for sample, result in zip(dataset.samples, told, strict=True):
            if isinstance(result, Failure):
                broken.append(result.error)
            else:
                tally.add(sample, result.inspection)
        if broken and len(broken) == len(dataset.samples):
            name_broken(broken, len(broken))
            raise typer.Exit(exits.USER_ERROR)
        bar.add_task("estimating intervals", total=None)
        return tally.result(), broken


def _write_page(evaluation: Evaluation, inspector: Inspector, dataset: Dataset, out: Path) -> Path:
    from flawscope.report import Comparison, write_evaluation_page

    by_id = {sample.id: sample for sample in dataset.samples}
    parts = sorted({sample.split or "no split" for sample in dataset.samples})

    def look(one: str) -> Comparison:
        return Comparison(by_id[one], inspector.examine(by_id[one].image, id=one))

    name = dataset.root.resolve().name
    return write_evaluation_page(
        evaluation,
        out,
        title=f"{inspector.manifest.name} on {name}",
        facts=[
            ("dataset", f"{name}, read as {dataset.layout}"),
            ("part", ", ".join(parts)),
            ("model", f"{inspector.manifest.name}, sha256 {inspector.digest}"),
            ("engine", str(inspector.choice)),
        ],
        look=look,
    )


_NOTHING_FOUND = "0.000"
"""Dice and IoU of finding nothing anywhere."""

_ALL_ALIKE = {
    "escape_rate": "1.000, accepting all",
    "overkill_rate": "1.000, rejecting all",
    "review_rate": "0.000, either way",
}


def _table(evaluation: Evaluation) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("figure")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    table.add_column("images", justify="right")
    table.add_column("trivial answer", justify="right")
    for name, estimate, trivial in _figures(evaluation):
        interval = "" if estimate.low is None else f"{estimate.low:.3f} to {estimate.high:.3f}"
        table.add_row(name, _figure(estimate.value), interval, str(estimate.n), trivial)
    return table


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _figures(evaluation: Evaluation) -> Iterator[tuple[str, Estimate, str]]:
    """Every figure with its name and what a trivial answer would get."""
    for place, scores in [("screen", evaluation.screen), *evaluation.kinds.items()]:
        for name in ("auroc", "average_precision", "f1", "precision", "recall"):
            trivial = scores.trivial.get(name)
            label = f"{place} {name.replace('_', ' ')}"
            yield label, getattr(scores, name), "" if trivial is None else f"{trivial:.3f}"
    located = evaluation.locate
    for kind, pixels in located.by_kind.items():
        yield f"{kind} dice, pooled", pixels.dice, _NOTHING_FOUND
        yield f"{kind} dice, mean by image", pixels.dice_mean, _NOTHING_FOUND
        yield f"{kind} iou, pooled", pixels.iou, _NOTHING_FOUND
    yield "mean iou of kinds", located.mean_iou, _NOTHING_FOUND
    yield "any kind dice", located.any_kind_dice, _NOTHING_FOUND
    yield "any kind iou", located.any_kind_iou, _NOTHING_FOUND
    yield "pixel accuracy", located.pixel_accuracy, _figure(located.pixel_accuracy_all_empty)
    yield "kaggle dice", located.kaggle_dice, _figure(located.kaggle_dice_all_empty.value)
    for name, all_alike in _ALL_ALIKE.items():
        yield name.replace("_", " "), getattr(evaluation.verdicts, name), all_alike
