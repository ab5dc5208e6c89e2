"""``flawscope export``: a model file with a certificate that its exports give the same answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from rich.table import Table

from flawscope.cli.console import note, progress, show, show_json
from flawscope.cli.datasets import LayoutOption, part_of, read_dataset, with_split
from flawscope.errors import MissingExtraError, TrainingError

if TYPE_CHECKING:
    from flawscope.train import CertificateRecipe, ExportedModel
    from flawscope.values import Certificate, Dataset


def export(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|MODEL", help="A run's folder, or a .flaw file.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write.")],
    on: Annotated[
        list[Path] | None,
        typer.Option(
            "--on",
            metavar="DATASET",
            help="Replay its validation part too; may be repeated. Its pictures stay here.",
        ),
    ] = None,
    choose_policy: Annotated[
        bool,
        typer.Option(
            "--choose-policy",
            help="Choose gate, thresholds and edges anew on the validation parts of --on: for"
            " another camera or line, without training.",
        ),
    ] = False,
    layout: LayoutOption = None,
    max_flips: Annotated[
        float,
        typer.Option("--max-flips", min=0.0, max=1.0, help="Share of verdicts that may flip."),
    ] = 0.001,
    max_drop: Annotated[
        float,
        typer.Option(
            "--max-drop", min=0.0, max=1.0, help="How far F1 or Dice may fall, 1.0 at most."
        ),
    ] = 0.005,
    min_iou: Annotated[
        float,
        typer.Option("--min-iou", min=0.0, max=1.0, help="Of masks with those of PyTorch."),
    ] = 0.9,
    photographs: Annotated[
        int, typer.Option("--photographs", min=0, help="How many to replay at most, with --on.")
    ] = 64,
    int8: Annotated[
        bool, typer.Option("--int8/--no-int8", help="Whether to try variants in INT8.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Replay a model on every engine and precision there is here, and certify what holds.

    Weights stay as they are, and so does the policy unless it is to be chosen anew. What does not
    give PyTorch's answers is not written, and named with the pictures that flipped.
    """
    from flawscope.bundle import refuse_replacing
    from flawscope.files import require_writable

    writes, configured = _exporting()
    refuse_replacing(out)
    require_writable(out)  # sooner than after the work
    if choose_policy and not on:
        raise TrainingError(
            "there is nothing to choose a policy on",
            where="--choose-policy",
            remedy="Name labelled parts with --on DATASET",
        )
    datasets = [
        _validation(with_split(read_dataset(root, layout), None, source)) for root in on or ()
    ]
    options = configured(
        photographs=photographs, int8=int8, flips=max_flips, drop=max_drop, overlap=min_iou
    )
    with progress() as bar:
        task = bar.add_task("exporting", total=None)

        def told(what: str) -> None:
            bar.update(task, description=what)

        if choose_policy:
            exported = writes.chosen(source, out, datasets, options=options, told=told)
        else:
            samples = [sample for data in datasets for sample in data.samples]
            exported = writes.exported(source, out, samples=samples, options=options, told=told)
    for text in exported.refused:
        note(text, "yellow")
    if as_json:
        show_json(_in_json(exported))
    elif exported.certificate:
        show(certificate_table(exported.certificate))
    note(f"wrote {exported.model}")


class _Writes(NamedTuple):
    """The two ways to a new file."""

    exported: Callable[..., ExportedModel]
    chosen: Callable[..., ExportedModel]


def _exporting() -> tuple[_Writes, Callable[..., CertificateRecipe]]:
    """What exports and what configures it, where the packages they need are installed."""
    try:
        from flawscope.train import CertificateRecipe, choose_anew, export_model
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "flawscope":
            raise
        raise MissingExtraError("exporting", "train") from error
    return _Writes(export_model, choose_anew), CertificateRecipe


def _validation(dataset: Dataset) -> Dataset:
    """The validation part of a dataset, or all of it where no split is known."""
    if any(sample.split for sample in dataset.samples):
        return part_of(dataset, "validation")
    return dataset


def _in_json(exported: ExportedModel) -> dict[str, Any]:
    return {
        "model": str(exported.model),
        "certificate": exported.certificate and exported.certificate.model_dump(mode="json"),
        "refused": list(exported.refused),
    }


def certificate_table(certificate: Certificate) -> Table:
    """Every choice of a certificate and what came of each set of pictures."""
    table = Table(box=None, pad_edge=False)
    for heading in ("engine and precision", "pictures", "flips", "score", "maps", "mask IoU"):
        table.add_column(heading, justify="left" if heading.startswith("engine") else "right")
    for heading in ("F1", "Dice", "asked again"):
        table.add_column(heading, justify="right")
    for row in _rows(certificate):
        table.add_row(*row)
    return table


def _rows(certificate: Certificate) -> Iterator[tuple[str, ...]]:
    for choice in certificate.choices:
        for name, found in choice.replays.items():
            yield (
                str(choice),
                f"{found.pictures} {name}",
                str(len(found.flipped)),
                f"{found.score_difference:.4f}",
                f"{found.map_difference:.4f}",
                "" if found.mask_iou is None else f"{found.mask_iou:.4f}",
                "" if found.f1_change is None else f"{found.f1_change:+.4f}",
                "" if found.dice_change is None else f"{found.dice_change:+.4f}",
                f"{found.asked_again:.1%}",
            )
