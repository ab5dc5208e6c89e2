"""``flawscope pull``: a model from a link."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flawscope.cli.console import downloading, note, show, show_json


def pull(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="https://HOST/PATH/MODEL.flaw, hf://OWNER/REPO/PATH/MODEL.flaw[@REVISION] or a"
            " page of the hub about the file; #sha256=HEX may follow.",
        ),
    ],
    digest: Annotated[
        str | None,
        typer.Option("--sha256", metavar="HEX", help="The digest that the file must have."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", dir_okay=False, help="Write a copy there."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Fetch a model from a link, check it and keep it; shows where it is."""
    from flawscope.bundle import pull as fetch

    try:
        with downloading() as (tell, say):
            pulled = fetch(url, digest=digest, out=out, tell=tell, say=say)
    except KeyboardInterrupt:
        note("the same command goes on where this one stopped", "yellow")
        raise
    note(f"{pulled.how}: {pulled.size / 1e6:.1f} MB, sha256 {pulled.digest}")
    if as_json:
        show_json(
            {
                "path": str(pulled.path),
                "url": pulled.url,
                "digest": pulled.digest,
                "bytes": pulled.size,
                "how": pulled.how,
            }
        )
    elif out is None:
        show(str(pulled.path))
    else:
        note(f"wrote {out}")
