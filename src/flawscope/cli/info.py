"""``flawscope info``: what a model file is; its policy changed into a new file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.console import note, show, show_facts, show_json
from flawscope.errors import RecipeError

if TYPE_CHECKING:
    from flawscope.bundle import Bundle
    from flawscope.values import Policy


def info(
    model: Annotated[
        Path | None, typer.Argument(metavar="MODEL", help="A .flaw file; default: the shipped one.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change the policy, as in policy.reject_above=0.9."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The new file, with --set.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what a model is; with --set and --out, write it anew with another policy."""
    from flawscope.bundle import Bundle, edited, refuse_replacing, shipped_model

    path = model or shipped_model()
    if bool(settings) != (out is not None):
        raise typer.BadParameter("--set and --out go together: the model itself is never changed")
    if settings and out is not None:
        if out.resolve() == path.resolve():
            raise RecipeError(
                "is the model itself, which is never changed",
                where=out,
                remedy="Name another file with --out",
            )
        refuse_replacing(out)
        path = edited(path, out, _parsed(settings))
        note(f"wrote {path}")
    bundle = Bundle.open(path)
    if as_json:
        show_json(
            {
                "path": str(path),
                "digest": bundle.digest,
                "bytes": path.stat().st_size,
                "manifest": bundle.manifest.model_dump(mode="json"),
            }
        )
    else:
        _show(bundle)


def _parsed(texts: Iterable[str]) -> dict[str, str]:
    """Values by key, both as text.

    Raises:
        RecipeError: a text is not ``KEY=VALUE``, or a key is there twice.
    """
    settings: dict[str, str] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (key and equals):
            raise RecipeError(
                f"{text!r} is not KEY=VALUE",
                where="--set",
                remedy="Write it like --set policy.reject_above=0.9",
            )
        if key in settings:
            raise RecipeError(f"{key} is set twice", where="--set", remedy="Keep one of them")
        settings[key] = value
    return settings


def _show(bundle: Bundle) -> None:
    from rich.markdown import Markdown

    from flawscope.bundle import CARD

    manifest = bundle.manifest
    stages = (f"{stage.name} ({stage.graph})" for stage in manifest.stages)
    show_facts(
        [
            ("name", manifest.name),
            ("file", f"{bundle.path}, {bundle.path.stat().st_size / 1e6:.1f} MB"),
            ("digest", bundle.digest),
            ("kinds", ", ".join(manifest.kinds)),
            ("stages", " → ".join(stages)),
            *_policy_rows(bundle),
            *((f"licence of {name}", text) for name, text in manifest.licences.items()),
        ]
    )
    if CARD in manifest.files:
        show("")
        show(Markdown(bundle.read(CARD).decode("utf-8", errors="replace")))


def _policy_rows(bundle: Bundle) -> list[tuple[str, str]]:
    """Every key that --set takes, with its value."""
    from flawscope.bundle import policy_keys

    policy = bundle.manifest.policy
    return [(key, _value(policy, path)) for key, path in policy_keys(bundle.manifest).items()]


def _value(policy: Policy, path: tuple[str, ...]) -> str:
    from flawscope.values import KindPolicy

    place: Any = policy
    for name in path:
        place = place.get(name, KindPolicy()) if isinstance(place, dict) else getattr(place, name)
    return f"{place:g}" if isinstance(place, (int, float)) else str(place)
