"""Says from a photograph whether a metal part is good, what is wrong with it, and where.

>>> from flawscope import Inspector
>>> inspection = Inspector.load().inspect("part.png")  # doctest: +SKIP
>>> print(inspection.verdict, inspection.reasons)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flawscope.errors import (
        DatasetError,
        DownloadError,
        EngineError,
        EvaluationError,
        ExplanationError,
        FlawscopeError,
        ImageError,
        MaskError,
        MissingExtraError,
        ModelFileError,
        RecipeError,
        ResultsError,
        SplitError,
        TrainingError,
    )
    from flawscope.images import open_image
    from flawscope.runtime import Examination, Failure, Inspector, record
    from flawscope.values import (
        Box,
        Dataset,
        Defect,
        Gate,
        Inspection,
        Label,
        Manifest,
        Policy,
        RunLengths,
        Sample,
        Size,
        Verdict,
    )

__version__ = "0.1.0"

__all__ = [
    "Box",
    "Dataset",
    "DatasetError",
    "Defect",
    "DownloadError",
    "EngineError",
    "EvaluationError",
    "Examination",
    "ExplanationError",
    "Failure",
    "FlawscopeError",
    "Gate",
    "ImageError",
    "Inspection",
    "Inspector",
    "Label",
    "Manifest",
    "MaskError",
    "MissingExtraError",
    "ModelFileError",
    "Policy",
    "RecipeError",
    "ResultsError",
    "RunLengths",
    "Sample",
    "Size",
    "SplitError",
    "TrainingError",
    "Verdict",
    "__version__",
    "open_image",
    "record",
]

_PLACES = ("errors", "values", "images", "runtime")


def __getattr__(name: str) -> Any:
    """The public names are brought in when they are first used, so that importing is quick."""
    if name in __all__:
        for place in _PLACES:
            module = importlib.import_module(f"flawscope.{place}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
