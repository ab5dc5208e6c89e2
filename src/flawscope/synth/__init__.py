"""Rendered metal parts and defects, each with its exact mask and a random seed."""

from flawscope.synth.planting import DEFECTS, insert_defect

__all__ = ["DEFECTS", "insert_defect"]
