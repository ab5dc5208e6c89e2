"""A model file and images in, inspections out."""

from flawscope.runtime.cascade import Answer, Cascade
from flawscope.runtime.choices import AUTO, PRECISIONS, choose, usable_choices
from flawscope.runtime.engines import ENGINES, installed_engines, load_graph, usable_threads
from flawscope.runtime.inspector import Examination, Failure, Inspector
from flawscope.runtime.records import record
from flawscope.runtime.view import Clock
from flawscope.runtime.words import describe

__all__ = [
    "AUTO",
    "ENGINES",
    "PRECISIONS",
    "Answer",
    "Cascade",
    "Clock",
    "Examination",
    "Failure",
    "Inspector",
    "choose",
    "describe",
    "installed_engines",
    "load_graph",
    "record",
    "usable_choices",
    "usable_threads",
]
