"""``flawscope data``: what is wrong with a dataset; splits of it; other layouts of it."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from flawscope.cli import exits
from flawscope.cli.console import counting, note, show, show_json
from flawscope.cli.datasets import LayoutOption, read_as, read_dataset, unread
from flawscope.errors import SplitError

if TYPE_CHECKING:
    from flawscope.data import Finding, Split
    from flawscope.values import Dataset

app = typer.Typer(
    help="Check a dataset, split it by part, or convert it to another layout.",
    no_args_is_help=True,
)

GROUP_SOURCES = {
    "dataset": "as the dataset names them",
    "pattern": "as the pattern catches them",
    "inferred": "inferred from names and pixels; name them in groups.csv if you know better",
    "none": "none, so images of one part may stand on both sides",
}

LISTED = 20
"""Lines of one sort that are shown at most."""

SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}

DatasetArgument = Annotated[
    Path, typer.Argument(metavar="DATASET", help="A folder of labelled images.")
]


@app.command()
def check(
    dataset: DatasetArgument,
    layout: LayoutOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Say what is wrong with a dataset, and what would leak from training into the test."""
    from flawscope import data

    with counting() as told:
        audit = data.check(data.read(dataset, layout, told), told)
    if as_json:
        show_json(audit.to_json())
        return
    show(f"{audit.dataset}: {audit.images} images, {read_as(audit)}")
    for finding in audit.findings:
        _show_finding(finding)
    if not audit.findings:
        show("nothing was found to be wrong")


def _show_finding(finding: Finding) -> None:
    severity = finding.severity.value
    show("")
    show(Text.assemble((severity, SEVERITY_STYLES[severity]), f": {finding.message}"))
    files = finding.files
    if finding.reasons:
        files = tuple(map(": ".join, zip(finding.files, finding.reasons, strict=True)))
    for line in (*files, *(" = ".join(ids) for ids in finding.sets)):
        show(Text(f"    {line}", "dim"))
    listed = len(files) + len({*chain.from_iterable(finding.sets)})
    if listed and finding.count > listed:
        show(Text(f"    and {finding.count - listed} more", "dim"))
    show(f"    {finding.remedy}")


@app.command()
def split(
    dataset: DatasetArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Default: NAME.split.json in the current folder."
        ),
    ] = None,
    shares: Annotated[
        tuple[float, float, float],
        typer.Option("--shares", help="Of the images: train, validation and test."),
    ] = (0.6, 0.2, 0.2),
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="PATTERN",
            help="Regular expression over image ids; what its parentheses catch names the part.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    leaky: Annotated[
        bool,
        typer.Option(
            "--leaky", help="Split image by image, to show how much a score gains by leaking."
        ),
    ] = False,
    allow_leaks: Annotated[
        bool,
        typer.Option(
            "--allow-leaks", help="Take groups as they stand, even with near copies across them."
        ),
    ] = False,
    layout: LayoutOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Split a dataset into train, validation and test, never tearing one part's images apart.

    The split is written to a small file that train and evaluate find; the dataset stays as it is.
    """
    from flawscope import data

    path = out or data.default_split_path(dataset)
    if path.is_dir():
        raise SplitError("is a folder", where=path, remedy="Name a file with --out")
    if path.exists():
        raise SplitError(
            "there is a split already, and scores by it would no longer compare",
            where=path,
            remedy="Delete it first, or name another file with --out",
        )
    samples = read_dataset(dataset, layout)
    if any(sample.split for sample in samples.samples):
        note("its folders name a split of their own, which this one takes the place of", "yellow")
    with counting() as told:
        made = data.split(
            samples,
            shares=shares,
            group_by=group_by,
            seed=seed,
            leaky=leaky,
            allow_leaks=allow_leaks,
            progress=told,
        )
    made.write(path)
    note(f"groups: {GROUP_SOURCES[made.groups]}")
    note(f"wrote {path}")
    if empty := [part for part, ids in made.ids.items() if not ids]:
        note(f"too few parts: {' and '.join(empty)} got no image", "yellow")
    counts = _counts(samples, made)
    if as_json:
        show_json({"path": str(path), "groups": made.groups, "leaky": made.leaky, "parts": counts})
    else:
        show(_counts_table(counts))


def _counts(dataset: Dataset, made: Split) -> dict[str, dict[str, int]]:
    """Images by part and stratum, where ``images`` counts all of a part."""
    from flawscope.data.splitting import stratum_names

    by_id = {sample.id: sample for sample in dataset.samples}
    counts: dict[str, dict[str, int]] = {}
    for part, ids in made.ids.items():
        strata = Counter(name for one in ids for name in stratum_names(by_id[one]))
        counts[part] = {"images": len(ids), **dict(sorted(strata.items()))}
    return counts


def _counts_table(counts: dict[str, dict[str, int]]) -> Table:
    names = list(dict.fromkeys(name for part in counts.values() for name in part))
    table = Table(box=None, pad_edge=False)
    table.add_column("part")
    for name in names:
        table.add_column(name, justify="right")
    for part, by_name in counts.items():
        table.add_row(part, *(str(by_name.get(name, 0)) for name in names))
    return table


@app.command()
def convert(
    dataset: DatasetArgument,
    to: Annotated[str, typer.Option("--to", metavar="LAYOUT", help="The layout to write.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder for it.")],
    layout: LayoutOption = None,
) -> None:
    """Write a dataset in another layout; the original stays as it is."""
    from flawscope import data

    data.require_writable_layout(to)
    samples = read_dataset(dataset, layout)
    with counting() as told:
        done = data.convert(samples, to, out, told)
    if done.losses:
        note(f"{len(done.losses)} of {done.images} images lose some of their labels:", "yellow")
    for loss in done.losses[:LISTED]:
        note(f"  {loss.where}: {loss.what}")
    if len(done.losses) > LISTED:
        note(f"  and {len(done.losses) - LISTED} more")
    note(f"wrote {done.images} images as {done.layout}")
    show(str(done.out))
    if unread(samples):
        raise typer.Exit(exits.USER_ERROR)
