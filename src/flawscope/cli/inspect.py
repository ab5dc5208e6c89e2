"""``flawscope inspect``: photographs in, verdicts out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli import batch, exits
from flawscope.cli.console import note, show_json
from flawscope.cli.engines import engaged
from flawscope.cli.options import (
    MmPerPixelOption,
    ModelOption,
    PrecisionOption,
    StreamsOption,
    ValueRangeOption,
)
from flawscope.cli.pace import paced
from flawscope.cli.resuming import finish, maybe_begun
from flawscope.cli.submitting import submitted
from flawscope.errors import ImageError, ResultsError

if TYPE_CHECKING:
    from flawscope.batch import Item, Journal, Outcome, Scale, Sources
    from flawscope.report import InspectionPage
    from flawscope.values import Inspection


def inspect(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Images, folders of images, globs, addresses such as s3://BUCKET/FOLDER, or - for"
            " a list of these on standard input, one a line.",
        ),
    ],
    model: ModelOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write a picture a part, and a page, here."),
    ] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="FILE", help="Write results here, as .jsonl or as .parquet."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the file of results: what is in it is not inspected again."
        ),
    ] = False,
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
            "--engine",
            metavar="NAME",
            help="openvino or onnxruntime; default: the faster one. ray inspects in several"
            " processes, here or on the cluster of RAY_ADDRESS; ray:NAME names their engine.",
        ),
    ] = None,
    precision: PrecisionOption = "auto",
    threads: Annotated[
        int | None,
        typer.Option(
            "--threads", min=1, help="Default: one for each core; with --engine ray, 1 a worker."
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers", min=1, help="With --engine ray: how many; default: by the number of cores."
        ),
    ] = None,
    streams: StreamsOption = None,
    mm_per_pixel: MmPerPixelOption = None,
    value_range: ValueRangeOption = None,
    fail_on_reject: Annotated[
        bool, typer.Option("--fail-on-reject", help="Exit with 1 if any part is to be rejected.")
    ] = False,
) -> None:
    """Say of each part whether it is good, what is wrong with it, and where.

    Files that cannot be read are named at the end; the others are inspected all the same, and
    the exit code is 2.
    """
    from flawscope.batch import Ahead, Scale, Sources
    from flawscope.bundle import shipped_model

    _refuse_halves(results, resume=resume, out=out, submission=submission)
    sources = Sources(paths, besides=out)
    items = _some(sources, paths)
    path = model or shipped_model()
    scale = Scale(mm_per_pixel, value_range)
    with ExitStack() as opened:
        inspector, examine = opened.enter_context(
            engaged(
                path,
                scale,
                engine=engine,
                precision=precision,
                threads=threads,
                streams=streams or (1 if _is_one(paths) else None),
                workers=workers,
                pixels=out is not None,
            )
        )
        batch.introduce(inspector)
        facts = {"model": inspector.digest, **scale.facts()}
        journal = opened.enter_context(maybe_begun(results, facts, resume=resume))
        left = opened.enter_context(_once(journal, items))
        images = _named(left) if submission is not None else None
        if sources.listed and images is None:
            ahead = opened.enter_context(closing(Ahead(left)))
            outcomes = opened.enter_context(closing(examine(ahead, ready=ahead.ready)))
        else:
            outcomes = opened.enter_context(closing(examine(images or left)))
        with (
            submitted(outcomes, submission, images or (), inspector.manifest.kinds) as listed,
            batch.page_for(out, inspector, path, mm_per_pixel) as page,
        ):
            done = _go_through(listed, sources, journal, page, as_json=as_json, scale=scale)
            if done.interrupted:
                raise typer.Exit(exits.INTERRUPTED)  # no half of a submission is left
        if journal is not None:
            finish(journal)
    if submission is not None:
        note(f"submission: {submission}")
    raise typer.Exit(_exit_code(done, journal, fail_on_reject=fail_on_reject))


def _refuse_halves(
    results: Path | None, *, resume: bool, out: Path | None, submission: Path | None
) -> None:
    """Raises ResultsError for what cannot be gone on with."""
    if resume and results is None:
        raise ResultsError(
            "there is no file to go on with", where="--resume", remedy="Name it with --results FILE"
        )
    if resume and (out is not None or submission is not None):
        raise ResultsError(
            "would hold the parts of this run only",
            where="--out" if out is not None else "--submission",
            remedy="Leave it out, or begin anew without --resume",
        )


def _is_one(paths: list[str]) -> bool:
    """Whether there is but one image, which all threads may as well work on."""
    return len(paths) == 1 and Path(paths[0]).is_file()


def _some(sources: Sources, paths: list[str]) -> Iterator[Item]:
    """What the sources give, which is not nothing.

    Raises:
        ImageError: there is no image.
    """
    items = iter(sources)
    first = next(items, None)
    if first is None:
        raise ImageError(
            "there is no image here",
            where=", ".join(paths),
            remedy="Name image files, or folders that hold some",
        )
    return chain([first], items)


@contextmanager
def _once(journal: Journal | None, items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """What is still to be inspected, each part once."""
    from flawscope.batch import Known, each_once

    if journal is not None:
        yield journal.left(items)
    else:
        with Known() as known:
            yield each_once(items, known)


def _named(items: Iterator[Item]) -> list[str]:
    """Every address at once, as a submission needs."""
    from flawscope.batch import Outcome

    return [item.id if isinstance(item, Outcome) else item for item in items]


def _go_through(
    outcomes: Iterable[Outcome],
    sources: Sources,
    journal: Journal | None,
    page: InspectionPage | None,
    *,
    as_json: bool,
    scale: Scale,
) -> batch.Batch:
    from flawscope.batch import line_of
    from flawscope.runtime import record

    def tell_json(inspection: Inspection) -> None:
        show_json(record(inspection, mm_per_pixel=scale.mm_per_pixel))

    def keep(outcome: Outcome) -> None:
        if journal is not None:
            journal.add(line_of(outcome, mm_per_pixel=scale.mm_per_pixel))

    before = journal.before if journal is not None else 0
    count = sources.count if sources.countable else None
    tell = tell_json if as_json else batch.tell_in_words
    began = perf_counter()
    with paced("inspecting", count, before=before, beside_results=True) as pace:
        done = batch.go_through(outcomes, pace, page=page, tell=tell, keep=keep)
    batch.sum_up(done, perf_counter() - began, pace.total)
    if done.interrupted and journal is not None:
        note(f"what was inspected is whole; go on with --resume --results {journal.results}")
    return done


def _exit_code(done: batch.Batch, journal: Journal | None, *, fail_on_reject: bool) -> int:
    failed = done.failed + (journal.failed if journal is not None else 0)
    rejected = done.verdicts["reject"] + (journal.verdicts["reject"] if journal is not None else 0)
    if failed:
        # Outweighs a rejection: nobody knows what these parts are like.
        return exits.USER_ERROR
    return exits.REJECTED if fail_on_reject and rejected else 0
