"""Rendered metal parts and defects, each with its exact mask and a random seed."""

from flawscope.synth.datasets import write_dataset
from flawscope.synth.parts import Part, render
from flawscope.synth.planting import DEFECTS, insert_defect
from flawscope.synth.surfaces import SURFACES

__all__ = ["DEFECTS", "SURFACES", "Part", "insert_defect", "render", "write_dataset"]
