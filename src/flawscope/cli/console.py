"""What is shown where: results on stdout, notes and progress on stderr."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from flawscope.cli import exits

VERDICT_STYLES = {"accept": "green", "review": "yellow", "reject": "bold red"}


def show(what: RenderableType) -> None:
    """Shows a result on stdout. Text is never cut, whatever the width of the terminal."""
    console = Console(markup=False, highlight=False, soft_wrap=isinstance(what, (str, Text)))
    try:
        console.print(what)
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_quietly()


def show_json(document: Mapping[str, Any]) -> None:
    """Shows a result as one line of strict JSON: no NaN, ASCII only, whatever the locale."""
    try:
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_quietly()


def _stop_quietly() -> None:
    # What is still in Python's buffer would fail again at exit, with a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(exits.PIPE_CLOSED)


def note(text: str, style: str = "") -> None:
    """Tells the user something on stderr."""
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(text, style=style)


def progress() -> Progress:
    """A progress display on stderr, which shows itself only on a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def show_facts(rows: Iterable[tuple[str, str]]) -> None:
    """Shows names and what there is to say of them, one a line, however long."""
    table = list(rows)
    width = max(len(name) for name, _ in table)
    for name, text in table:
        show(Text.assemble((f"{name:<{width}}", "bold"), f"  {text}"))
