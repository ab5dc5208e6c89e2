"""Training: labelled images in, a model file out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flawscope.on_demand import attributes

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

# So that who cuts crops needs no PyTorch.
__getattr__, __dir__ = attributes(__name__, __all__, ("recipe", "run", "exporting"))
