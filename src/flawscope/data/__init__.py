"""Datasets: any layout in, problems named, splits by group, other layouts out."""

from flawscope.data.converting import WRITABLE, Conversion, convert
from flawscope.data.detection import LAYOUTS, Detection, detect
from flawscope.data.fingerprint import fingerprint
from flawscope.data.reading import read
from flawscope.data.splitting import (
    Split,
    apply_split,
    default_split_path,
    read_split,
    split,
)

__all__ = [
    "LAYOUTS",
    "WRITABLE",
    "Conversion",
    "Detection",
    "Split",
    "apply_split",
    "convert",
    "default_split_path",
    "detect",
    "fingerprint",
    "read",
    "read_split",
    "split",
]
