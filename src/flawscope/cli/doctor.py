"""``flawscope doctor``: what this machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.console import ran_on, sharing, show_facts, show_json
from flawscope.cli.options import (
    EngineOption,
    ModelOption,
    PrecisionOption,
    StreamsOption,
    ThreadsOption,
)
from flawscope.cli.sizes import SizeOption, size_of

if TYPE_CHECKING:
    from flawscope.bench import Setup
    from flawscope.bench.pictures import Told
    from flawscope.values import Size


def doctor(
    model: ModelOption = None,
    size: SizeOption = None,
    engine: EngineOption = None,
    precision: PrecisionOption = "auto",
    threads: ThreadsOption = None,
    streams: StreamsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what this machine can do: cores, memory, engines, extras, and how it runs a model.

    With --size it predicts images a second for pictures of that size, by running a few.
    """
    from flawscope.bench import Setup
    from flawscope.cli.machine import describe_machine

    setup = Setup(engine, precision, threads, streams)
    wanted = None if size is None else size_of(size)
    with sharing("looking around") as told:
        machine = describe_machine(model, setup)
        predicted = None if wanted is None else _predicted(model, wanted, setup, told)
    machine["prediction"] = predicted
    if as_json:
        show_json(machine)
    else:
        show_facts(_in_words(machine))


def _predicted(model: Path | None, size: Size, setup: Setup, told: Told) -> dict[str, Any]:
    from flawscope.bench import predict
    from flawscope.bundle import shipped_model

    found = predict(model or shipped_model(), size, setup, told)
    return {
        "size": list(found.size),
        "images_per_second": dict(found.images_per_second),
        "good_ms": round(1000 * found.good_seconds, 3),
        "defective_ms": round(1000 * found.defective_seconds, 3),
    }


def _in_words(machine: dict[str, Any]) -> list[tuple[str, str]]:
    memory = machine["memory_bytes"]
    sets = machine["instruction_sets"]
    unknown = "unknown"
    return [
        ("flawscope", f"{machine['flawscope']} on Python {machine['python']}, {machine['system']}"),
        ("processor", machine["processor"] or unknown),
        ("cores", str(machine["cores"])),
        ("memory", f"{memory / 2**30:.1f} GiB" if memory else unknown),
        ("instruction sets", unknown if sets is None else ", ".join(sets) or "none that matter"),
        *(
            (f"engine {name}", version or f"not installed: pip install {name}")
            for name, version in machine["engines"].items()
        ),
        *(
            (f"extra [{name}]", _extra(name, extra["missing"]))
            for name, extra in machine["extras"].items()
        ),
        ("shipped model", machine["model"]["digest"] or machine["model"]["error"]),
        ("would run", _variant(machine["variant"])),
        *_speed(machine["prediction"]),
    ]


def _extra(name: str, missing: list[str]) -> str:
    if not missing:
        return "present"
    return f'missing {", ".join(missing)}: pip install "flawscope[{name}]"'


def _variant(variant: dict[str, Any]) -> str:
    if variant["error"]:
        return str(variant["error"])
    return f"{variant['name']} on {ran_on(variant)}"


def _speed(predicted: dict[str, Any] | None) -> list[tuple[str, str]]:
    if predicted is None:
        return []
    height, width = predicted["size"]
    rates = ", ".join(
        f"{rate:.1f} at {float(share):.0%} defective"
        for share, rate in predicted["images_per_second"].items()
    )
    return [("images a second", f"{rates} ({height} x {width}, predicted)")]
