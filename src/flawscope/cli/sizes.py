"""``--size``: of the pictures that something is timed on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flawscope.values import Size

SizeOption = Annotated[
    str | None,
    typer.Option("--size", metavar="HxW", help="Of pictures, in pixels, as in 256x1600."),
]


def size_of(text: str) -> Size:
    """What ``--size`` says.

    Raises:
        BadParameter: it is not a height and a width.
    """
    from flawscope.images import max_pixels
    from flawscope.values import Size

    height, times, width = text.lower().partition("x")
    if not (times and height.isdecimal() and width.isdecimal()):
        raise typer.BadParameter(f"--size {text} is no height and width, as in 256x1600")
    size = Size(int(height), int(width))
    if size.height * size.width > max_pixels():
        raise typer.BadParameter(f"--size {text} is more than {max_pixels()} pixels")
    return size
