"""Options that several commands take, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flawscope.values import Size

ModelOption = Annotated[
    Path | None,
    typer.Option("--model", metavar="MODEL", help="A .flaw file; default: the shipped one."),
]

EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine", metavar="NAME", help="openvino or onnxruntime; default: the faster one."
    ),
]

ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Default: one for each core.")
]

ValueRangeOption = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--value-range",
        metavar="LOW HIGH",
        help="The values that are black and white, for 16-bit and floating-point images.",
    ),
]

SizeOption = Annotated[
    str | None,
    typer.Option("--size", metavar="HxW", help="Of pictures, in pixels, as in 256x1600."),
]


def size_of(text: str) -> Size:
    """What ``--size`` says.

    Raises:
        BadParameter: it is not a height and a width.
    """
    from flawscope.values import Size

    height, times, width = text.lower().partition("x")
    if not (times and height.isdecimal() and width.isdecimal()):
        raise typer.BadParameter(f"--size {text} is no height and width, as in 256x1600")
    return Size(int(height), int(width))
