"""``flawscope verify``: whether this machine gives the answers that a model is certified for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawscope.cli import exits
from flawscope.cli.console import counting, note, show, show_json

if TYPE_CHECKING:
    from flawscope.runtime.verifying import Verified


def verify(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A .flaw file; default: the shipped one.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Default: one for each core.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Replay a model's certificate with the engines and precisions of this machine.

    Exit 2 if any of them answers otherwise than the certificate says, or none can be checked.
    """
    from flawscope.bundle import digest_of, shipped_model
    from flawscope.runtime.verifying import verify as run

    path = model or shipped_model()
    with counting() as told:
        checked = run(path, threads=threads, report=told)
    differing = [one for one in checked if one.faults]
    replayed = any(one.replay for one in checked)
    if as_json:
        show_json(
            {
                "model": str(path),
                "digest": digest_of(path),
                "same": replayed and not differing,
                "choices": [one.to_json() for one in checked],
            }
        )
    else:
        for one in checked:
            show(f"{one.choice}: {_in_words(one)}")
    if differing:
        note(
            f"error: {path}: this machine answers otherwise than certified with"
            f" {', '.join(str(one.choice) for one in differing)}. Choose another --engine or"
            " --precision, or certify the model here: flawscope export MODEL --out FILE",
            "red",
        )
        raise typer.Exit(exits.USER_ERROR)
    if not replayed:
        note(
            f"error: {path}: nothing was checked, as this machine runs no choice that is certified."
            " Certify the model here: flawscope export MODEL --out FILE",
            "red",
        )
        raise typer.Exit(exits.USER_ERROR)


def _in_words(one: Verified) -> str:
    if one.unavailable:
        return f"not checked, {one.unavailable}"
    if one.faults:
        return f"DIFFERS, {'; '.join(one.faults)}"
    assert one.replay is not None
    return (
        f"the same, {len(one.replay.flipped)} of {one.replay.pictures} verdicts flipped,"
        f" scores within {one.replay.score_difference:.4f}"
    )
