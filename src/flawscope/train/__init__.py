"""Training: labelled images in, a model file out."""

from flawscope.train.recipe import Recipe, load_recipe, recipe_names
from flawscope.train.run import TrainedModel, train

__all__ = ["Recipe", "TrainedModel", "load_recipe", "recipe_names", "train"]
