"""``flawscope doctor``: what this machine can do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flawscope.cli.console import show_facts, show_json


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what this machine can do: cores, memory, engines, extras, the shipped model."""
    from flawscope.cli.machine import describe_machine

    machine = describe_machine()
    if as_json:
        show_json(machine)
    else:
        show_facts(_in_words(machine))


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
    ]


def _extra(name: str, missing: list[str]) -> str:
    if not missing:
        return "present"
    return f'missing {", ".join(missing)}: pip install "flawscope[{name}]"'
