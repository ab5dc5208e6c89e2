"""The commands in one place, and the way out of every one of them."""

from __future__ import annotations

import errno
import io
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flawscope import __version__
from flawscope.cli import (
    bench,
    data,
    demo,
    doctor,
    evaluate,
    exits,
    explain,
    export,
    info,
    inspect,
    pull,
    train,
    verify,
    watch,
)
from flawscope.cli.console import note
from flawscope.cli.termination import Termination, termination_interrupts
from flawscope.errors import FlawscopeError


class _Commands(TyperGroup):
    """Turns what a user can cure into one clear message and exit code 2."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except (FlawscopeError, OSError) as error:
            if isinstance(ctx.obj, Termination) and ctx.obj.broke_off(error):
                raise typer.Exit(_interrupted()) from error
            if ctx.params["debug"]:
                traceback.print_exc()
            note(f"error: {_in_words(error)}", "red")
            raise typer.Exit(exits.USER_ERROR) from error
        except KeyboardInterrupt as stop:
            raise typer.Exit(_interrupted()) from stop


_CURES = {
    errno.ENOSPC: "Make room, or write to another disk",
    errno.EDQUOT: "Make room, or write to another disk",
    errno.EFBIG: "Write to a disk that takes files of this size",
    errno.EROFS: "Name a place that can be written to",
    errno.EACCES: "Name a place that you may read and write",
    errno.EEXIST: "Name another, or remove it first",
    errno.ENOENT: "Check the spelling of the path",
}


def _in_words(error: FlawscopeError | OSError) -> str:
    if isinstance(error, FlawscopeError) or error.errno is None:
        return str(error)
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror)
    cure = _CURES.get(error.errno)
    return f"{what}. {cure}" if cure else what


app = typer.Typer(
    name="flawscope",
    cls=_Commands,
    help="Says from a photograph whether a metal part is good, what is wrong with it, and where.",
    epilog="Exit codes: 0 done; 1 a part was rejected (only with inspect --fail-on-reject); "
    "2 something you can cure; 130 interrupted; 143 terminated.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"flawscope {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    pass


app.command("demo")(demo.demo)
app.command("inspect")(inspect.inspect)
app.command("watch")(watch.watch)
app.command("evaluate")(evaluate.evaluate)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.command("export")(export.export)
app.command("verify")(verify.verify)
app.command("explain")(explain.explain)
app.command("pull")(pull.pull)
app.command("info")(info.info)
app.command("bench")(bench.bench)
app.command("doctor")(doctor.doctor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command line to its exit code.

    Args:
        arguments: without the program's name; default: those of this process.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name that the terminal cannot show must not end the inspection.
            stream.reconfigure(errors="backslashreplace")
    with termination_interrupts() as termination:
        code = _run(arguments, termination)
    return exits.TERMINATED if termination.wanted and code == exits.INTERRUPTED else code


def _run(arguments: Sequence[str] | None, termination: Termination) -> int:
    try:
        app(arguments, prog_name="flawscope", obj=termination)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:  # noqa: BLE001 - Python's own exit code for a fault would say "rejected"
        if termination.broke_off(error):
            return _interrupted()
        traceback.print_exc()
        note("This is a fault of flawscope's own. Please report it with the lines above.", "red")
        return exits.FAULT
    return 0


def _interrupted() -> int:
    note("interrupted; files already written are whole", "yellow")
    return exits.INTERRUPTED
