"""Training: labelled images in, a model file out."""

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
