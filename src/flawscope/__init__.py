"""Says from a photograph whether a metal part is good, what is wrong with it, and where.

>>> from flawscope import Inspector
>>> inspection = Inspector.load().inspect("part.png")  # doctest: +SKIP
>>> print(inspection.verdict, inspection.reasons)  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flawscope.on_demand import attributes

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

# So that importing is quick.
__getattr__, __dir__ = attributes(__name__, __all__, ("errors", "values", "images", "runtime"))
