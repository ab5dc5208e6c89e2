"""Training: labelled images in, a model file out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flawscope.train.exporting import ExportedModel, choose_anew, export_model
    from flawscope.train.recipe import CertificateRecipe, Recipe, load_recipe, recipe_names
    from flawscope.train.run import TrainedModel, train

__all__ = [
    "CertificateRecipe",
    "ExportedModel",
    "Recipe",
    "TrainedModel",
    "choose_anew",
    "export_model",
    "load_recipe",
    "recipe_names",
    "train",
]

_PLACES = ("recipe", "run", "exporting")


def __getattr__(name: str) -> Any:
    """The public names are brought in when they are first used: who cuts crops needs no PyTorch."""
    if name in __all__:
        for place in _PLACES:
            module = importlib.import_module(f"flawscope.train.{place}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
