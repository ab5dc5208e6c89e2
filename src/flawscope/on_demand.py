"""Public names of a package that are brought in when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any


def attributes(
    package: str, names: Sequence[str], modules: Sequence[str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """A package's ``__getattr__`` and ``__dir__``.

    Args:
        package: its name.
        names: that are public.
        modules: of the package that have them, searched in this order.
    """

    def get(name: str) -> Any:
        if name in names:
            for place in modules:
                module = importlib.import_module(f"{package}.{place}")
                if hasattr(module, name):
                    return getattr(module, name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: list(names)
