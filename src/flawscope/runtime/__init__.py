"""A model file and images in, inspections out."""

from flawscope.runtime.engines import ENGINES, installed_engines
from flawscope.runtime.inspector import Examination, Failure, Inspector
from flawscope.runtime.records import record
from flawscope.runtime.words import describe

__all__ = [
    "ENGINES",
    "Examination",
    "Failure",
    "Inspector",
    "describe",
    "installed_engines",
    "record",
]
