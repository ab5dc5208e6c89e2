"""What a page says of a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flawscope.report.wording import NOTHING, figure, percent
from flawscope.values import Manifest

Facts = list[tuple[str, str]]
"""Names and values, in the order to show them."""


def main_facts(manifest: Manifest, digest: str) -> Facts:
    """The facts that every reader of a report needs: which model, and by which rules it judged."""
    policy = manifest.policy
    facts = [
        ("name", manifest.name),
        ("sha256", digest),
        ("kinds it knows", ", ".join(manifest.kinds) or NOTHING),
        ("accepts", f"where the probability of a defect is under {percent(policy.accept_below)}"),
        ("rejects", f"from {percent(policy.reject_above)} on; between the two, a person reviews"),
    ]
    if policy.turned_from is not None:
        least = percent(policy.turned_from)
        facts.append(("turns parts", f"where the screen says {least} or more; both answers count"))
    if policy.second_look:
        least = percent(policy.second_look.located_from)
        facts.append(("looks twice", f"where the screen alone says {least} or more"))
    recipe = manifest.recipe.get("name")
    return [*facts, ("recipe", str(recipe))] if recipe else facts


def every_fact(manifest: Manifest) -> Facts:
    """All that the manifest holds, one line a value."""
    return list(_flat(manifest.model_dump(mode="json"), ""))


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and not _is_estimate(value):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, Sequence) and any(isinstance(inner, Mapping) for inner in value):
        for place, inner in enumerate(value):
            yield from _flat(inner, f"{name}[{place}]")
    elif value not in (None, "", [], ()):
        yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return estimate(value)
    if isinstance(value, list | tuple):
        return ", ".join(str(inner) for inner in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _is_estimate(value: Mapping[str, Any]) -> bool:
    return {"value", "low", "high", "n"} <= value.keys()


def estimate(value: Mapping[str, Any], places: int = 3) -> str:
    """An estimate with its interval and n: "0.971 (0.950 to 0.985, n = 120)"."""
    interval = ""
    if value["low"] is not None and value["high"] is not None:
        interval = f"{figure(value['low'], places)} to {figure(value['high'], places)}, "
    return f"{figure(value['value'], places)} ({interval}n = {value['n']:,})"
