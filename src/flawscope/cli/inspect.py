"""``flawscope inspect``: photographs in, verdicts out."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from flawscope.cli import batch, exits
from flawscope.cli.console import VERDICT_STYLES, note, show, show_json
from flawscope.cli.options import ModelOption, PrecisionOption, ValueRangeOption
from flawscope.cli.submitting import submitted
from flawscope.errors import ImageError

if TYPE_CHECKING:
    from flawscope.values import Inspection


def inspect(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Images, folders of images, or globs.")
    ],
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write a picture a part, and a page, here."),
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(
            "--submission",
            metavar="FILE",
            help="Write Kaggle's Severstal submission: run lengths of each image and class 1 to 4.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each part.")
    ] = False,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine", metavar="NAME", help="openvino or onnxruntime; default: the faster one."
        ),
    ] = None,
    precision: PrecisionOption = "auto",
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Default: one for each core.")
    ] = None,
    mm_per_pixel: Annotated[
        float | None,
        typer.Option("--mm-per-pixel", metavar="MM", help="Give sizes in millimetres."),
    ] = None,
    value_range: ValueRangeOption = None,
    fail_on_reject: Annotated[
        bool, typer.Option("--fail-on-reject", help="Exit with 1 if any part is to be rejected.")
    ] = False,
) -> None:
    """Say of each part whether it is good, what is wrong with it, and where.

    Files that cannot be read are named at the end; the others are inspected all the same, and
    the exit code is 2.
    """
    from flawscope.bundle import Bundle, shipped_model
    from flawscope.runtime import Inspector, record

    def tell_json(inspection: Inspection) -> None:
        show_json(record(inspection, mm_per_pixel=mm_per_pixel))

    images = _find(paths, besides=out)
    path = model or shipped_model()
    inspector = Inspector.load(path, engine=engine, threads=threads, precision=precision)
    note(f"model {inspector.manifest.name} ({inspector.digest[:12]}) on {inspector.choice}")
    for text in inspector.notes:
        note(text, "yellow")
    results = inspector.inspect_many(images, mm_per_pixel=mm_per_pixel, value_range=value_range)
    with (
        submitted(results, submission, images, inspector.manifest.kinds) as listed,
        batch.page_for(out, Bundle.open(path), mm_per_pixel) as page,
    ):
        done = batch.go_through(listed, len(images), page, tell_json if as_json else _tell)
        if done.interrupted:
            raise typer.Exit(exits.INTERRUPTED)  # no half of a submission is left
    if submission is not None:
        note(f"submission: {submission}")
    raise typer.Exit(_exit_code(done, fail_on_reject=fail_on_reject))


def _find(paths: Iterable[str], *, besides: Path | None) -> list[Path]:
    """Image files under paths and globs, each once; what lies in ``besides`` is left out.

    Raises:
        ImageError: a path does not exist, or there is no image.
    """
    from flawscope.images import find_images

    found = dict.fromkeys(find_images(_without_globs(paths)))
    if besides is not None and besides.exists():
        own = besides.resolve()
        found = {path: None for path in found if not path.resolve().is_relative_to(own)}
    if not found:
        raise ImageError(
            "there is no image here",
            where=", ".join(paths),
            remedy="Name image files, or folders that hold some",
        )
    return list(found)


def _without_globs(paths: Iterable[str]) -> Iterator[Path]:
    """Shells that do not expand globs, as on Windows, leave that to us."""
    for path in paths:
        if glob.has_magic(path) and not Path(path).exists():
            # Path.glob takes no absolute patterns.
            matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207
            yield from map(Path, matches or [path])
        else:
            yield Path(path)


def _tell(inspection: Inspection) -> None:
    verdict = inspection.verdict.value
    line = Text.assemble(
        (f"{verdict:<7}", VERDICT_STYLES[verdict]),
        f" {inspection.score:4.0%}  {inspection.id}",
    )
    line.append(f"  {'; '.join(inspection.reasons)}", "dim")
    show(line)


def _exit_code(done: batch.Batch, *, fail_on_reject: bool) -> int:
    if done.broken:
        # Outweighs a rejection: nobody knows what these parts are like.
        return exits.USER_ERROR
    return exits.REJECTED if fail_on_reject and done.verdicts["reject"] else 0
