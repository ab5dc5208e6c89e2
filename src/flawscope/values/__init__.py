"""The types that flow through flawscope; one type serves both truth and prediction.

Images are RGB ``uint8`` arrays of shape (height, width, 3). Boxes are half-open, in pixels of
the original image. Masks at rest are run lengths. Ids are POSIX paths relative to a dataset's root.
"""

from flawscope.values.certificate import Certificate, Choice, Limits, Precision, Replay
from flawscope.values.manifest import FileEntry, InputFit, Manifest, Stage
from flawscope.values.parts import (
    UNNAMED,
    Box,
    Dataset,
    Defect,
    Estimate,
    Inspection,
    Label,
    Problem,
    ProblemCode,
    RunLengths,
    Sample,
    Size,
    Verdict,
)
from flawscope.values.policy import Gate, KindPolicy, Policy, SecondLook

__all__ = [
    "UNNAMED",
    "Box",
    "Certificate",
    "Choice",
    "Dataset",
    "Defect",
    "Estimate",
    "FileEntry",
    "Gate",
    "InputFit",
    "Inspection",
    "KindPolicy",
    "Label",
    "Limits",
    "Manifest",
    "Policy",
    "Precision",
    "Problem",
    "ProblemCode",
    "Replay",
    "RunLengths",
    "Sample",
    "SecondLook",
    "Size",
    "Stage",
    "Verdict",
]
