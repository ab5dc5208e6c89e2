"""What is shown where: results on stdout, notes and progress on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from flawscope.cli import exits

_SECONDS_BETWEEN_LINES = 30.0

_ENDLESS = 100_000
"""Columns, for what is measured rather than fitted."""

VERDICT_STYLES = {"accept": "green", "review": "yellow", "reject": "bold red"}


def show(what: RenderableType) -> None:
    """Shows a result on stdout. Text is never cut, whatever the width of the terminal.

    Nor are tables, where there is no terminal.
    """
    console = Console(markup=False, highlight=False, soft_wrap=isinstance(what, (str, Text)))
    if isinstance(what, Table) and not console.is_terminal:
        endless = console.options.update(max_width=_ENDLESS)
        console.width = max(console.width, console.measure(what, options=endless).maximum)
    with _to_stdout():
        console.print(what)


def show_json(document: Mapping[str, Any]) -> None:
    """Shows a result as one line of strict JSON: no NaN, ASCII only, whatever the locale."""
    with _to_stdout():
        sys.stdout.write(json.dumps(document, allow_nan=False) + "\n")


@contextmanager
def _to_stdout() -> Iterator[None]:
    """What the body prints is out when it ends; a reader who left is no fault, a full disk is."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up_stdout()
        raise typer.Exit(exits.PIPE_CLOSED) from None
    except OSError as error:
        _give_up_stdout()
        raise OSError(error.errno, error.strerror, "standard output") from error


def _give_up_stdout() -> None:
    # What is still in Python's buffer would fail again at exit, with a traceback.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def note(text: str, style: str = "") -> None:
    """Tells the user something on stderr."""
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(text, style=style)


def progress(*amounts: ProgressColumn, beside_results: bool = False) -> Progress:
    """A progress display on stderr, which shows itself only on a terminal.

    Args:
        amounts: how much is done, in columns of their own; by default a count.
        beside_results: results are shown meanwhile; on one terminal they are progress enough.
    """
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *(amounts or (MofNCompleteColumn(),)),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal or (beside_results and sys.stdout.isatty()),
        redirect_stdout=False,
        redirect_stderr=False,
    )


@contextmanager
def counting() -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress display that is told what is done, how many, and of how many if that is known."""
    shown: tuple[str, int | None] | None = None

    def tell(what: str, done: int, total: int | None) -> None:
        nonlocal shown
        if shown != (what, total):
            shown = what, total
            for task in bar.task_ids:
                bar.remove_task(task)
            bar.add_task(what, total=total)
        bar.update(bar.task_ids[0], completed=done)

    with progress() as bar:
        yield tell


@contextmanager
def downloading() -> Iterator[tuple[Callable[[int, int | None], None], Callable[[str], None]]]:
    """A progress display that is told the bytes done, and of how many; and notes above it."""

    def tell(done: int, total: int | None) -> None:
        if not bar.task_ids:
            bar.add_task("downloading")
        bar.update(bar.task_ids[0], completed=done, total=total)

    def say(text: str) -> None:
        bar.console.print(Text(text, "yellow"), soft_wrap=True)

    with progress(DownloadColumn()) as bar:
        yield tell, say


@contextmanager
def sharing(description: str) -> Iterator[Callable[[float, str], None]]:
    """A progress display that is told the share done and how it goes.

    Long work is seldom watched: where there is no terminal it writes a line now and then.
    """
    last = time.monotonic()

    def tell(share: float, words: str) -> None:
        nonlocal last
        bar.update(task, completed=share, description=words)
        if bar.disable and time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            note(f"{share:4.0%}  {words}")

    with progress(TaskProgressColumn()) as bar:
        task = bar.add_task(description, total=1.0)
        yield tell


def show_facts(rows: Iterable[tuple[str, str]]) -> None:
    """Shows names and what there is to say of them, one a line, however long."""
    table = list(rows)
    width = max(len(name) for name, _ in table)
    for name, text in table:
        show(Text.assemble((f"{name:<{width}}", "bold"), f"  {text}"))


def counted(count: int, name: str) -> str:
    """ "1 thread", "2 threads"."""
    return f"{count} {name}{'' if count == 1 else 's'}"


def ran_on(facts: Mapping[str, Any]) -> str:
    """In words: ``engine``, ``precisions`` by stage, ``threads`` and the ``streams`` on them."""
    by_stage = facts["precisions"]
    alike = len(set(by_stage.values())) == 1
    named = by_stage.values() if alike else (f"{stage} {one}" for stage, one in by_stage.items())
    threads, streams = counted(facts["threads"], "thread"), counted(facts["streams"], "stream")
    return f"{facts['engine']} in {', '.join(dict.fromkeys(named))}, {threads} in {streams}"
