"""Changing what is done with a model's probabilities, without touching its weights."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flawscope.bundle.opening import Bundle
from flawscope.bundle.packing import CARD, pack
from flawscope.errors import RecipeError
from flawscope.values import KindPolicy, Manifest, Policy, SecondLook

_BEFORE = "of_another_policy"
"""Where the figures go that were measured before the policy was changed."""

_WARNING = (
    "> **The policy was changed after this was written.** Verdicts, and the figures of them and of"
    " located defects, are of the policy before; `flawscope evaluate` measures this one."
)


def policy_keys(manifest: Manifest) -> dict[str, tuple[str, ...]]:
    """Every key that ``edited`` takes, such as ``policy.kinds.crack.smallest_area``.

    Returns:
        By key, the path of field names and kinds that leads to it inside the policy.
    """
    plain = [(name,) for name in Policy.model_fields if name not in ("kinds", "unnamed")]
    places = [("unnamed",), *(("kinds", kind) for kind in manifest.kinds)]
    nested = [(*place, name) for place in places for name in KindPolicy.model_fields]
    if manifest.policy.second_look:
        nested += [("second_look", name) for name in SecondLook.model_fields]
    return {".".join(("policy", *path)): path for path in [*plain, *nested]}


def edited(path: Path, out: Path, settings: Mapping[str, Any]) -> Path:
    """Writes a model file that differs from another in its policy alone.

    Figures on its card and in its manifest are of the policy before; both say so.

    Args:
        path: the model file to start from; it stays as it is unless ``out`` is the same file.
        out: the file to write, whole or not at all.
        settings: new values by key; text is read as the key's type. Another second look, or
            another edge of turning, leaves no certificate, so that the model runs in float32 until
            it is exported again.

    Raises:
        RecipeError: a key is unknown, or its value is out of range.
        ModelFileError: ``path`` is refused.
    """
    bundle = Bundle.open(path)
    manifest = bundle.manifest
    policy = _changed(manifest, settings)
    members = {name: bundle.read(name) for name in manifest.files}
    changes: dict[str, Any] = {"policy": policy}
    if policy != manifest.policy and manifest.metrics:
        changes["metrics"] = {_BEFORE: manifest.metrics.get(_BEFORE, manifest.metrics)}
        if CARD in members:
            members[CARD] = _warned(members[CARD])
    if _scoring(policy) != _scoring(manifest.policy):
        changes["certificate"] = None  # what low precision may do was measured for another score
    return pack(manifest.model_copy(update=changes), members, out)


def _warned(card: bytes) -> bytes:
    """A card with the warning under its title, once."""
    title, _, rest = card.decode("utf-8", errors="replace").partition("\n")
    if _WARNING in rest:
        return card
    return f"{title}\n\n{_WARNING}\n{rest}".encode()


def _scoring(policy: Policy) -> tuple[object, ...]:
    """What a score is made by."""
    return policy.turned_from, policy.second_look


def _changed(manifest: Manifest, settings: Mapping[str, Any]) -> Policy:
    keys = policy_keys(manifest)
    content = manifest.policy.model_dump(mode="json")
    for key, value in settings.items():
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=3, cutoff=0.0)
            raise RecipeError(
                "there is no such key", where=key, remedy=f"The nearest are: {', '.join(near)}"
            )
        *parents, name = keys[key]
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise RecipeError(f"{parent} was put off by another setting", where=key)
        place[name] = value
    try:
        return Policy.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(("policy", *(str(part) for part in first["loc"])))
        raise RecipeError(
            f"{first['input']!r} will not do: {first['msg']}" if first["loc"] else first["msg"],
            where=key,
            remedy="Give a value in range",
        ) from error
