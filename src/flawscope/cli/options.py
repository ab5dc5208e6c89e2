"""Options that several commands take, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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

MmPerPixelOption = Annotated[
    float | None,
    typer.Option("--mm-per-pixel", metavar="MM", max=1000.0, help="Give sizes in millimetres."),
]

ValueRangeOption = Annotated[
    tuple[float, float] | None,
    typer.Option(
        "--value-range",
        metavar="LOW HIGH",
        help="The values that are black and white, for 16-bit and floating-point images.",
    ),
]

ThreadsOption = Annotated[
    int | None,
    typer.Option("--threads", min=1, metavar="N", help="To compute with; default: one a core."),
]

PrecisionOption = Annotated[
    str,
    typer.Option(
        "--precision",
        metavar="NAME",
        help="float32, bfloat16 or int8; default: auto, the fastest that is certified.",
    ),
]

StreamsOption = Annotated[
    int | None,
    typer.Option(
        "--streams",
        min=1,
        metavar="N",
        help="Images at a time that share the threads: 1 gives the soonest answer, more the most "
        "images a second. Default: one a thread, at most 4, for several images.",
    ),
]
