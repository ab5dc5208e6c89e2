"""Datasets: any layout in, problems named, splits by group, other layouts out."""

from flawscope.data.audit import (
    Audit,
    Finding,
    Severity,
    adjusted_rand_index,
    check,
    infer_groups,
    keep_copies_together,
)
from flawscope.data.converting import WRITABLE, Conversion, convert, require_writable_layout
from flawscope.data.detection import LAYOUTS, Detection, detect
from flawscope.data.fingerprint import digest_of_test, fingerprint
from flawscope.data.own_split import own_split, refuse_copies
from flawscope.data.reading import read
from flawscope.data.splitting import (
    Split,
    apply_split,
    default_split_path,
    kept_split_path,
    read_split,
    split,
)

__all__ = [
    "LAYOUTS",
    "WRITABLE",
    "Audit",
    "Conversion",
    "Detection",
    "Finding",
    "Severity",
    "Split",
    "adjusted_rand_index",
    "apply_split",
    "check",
    "convert",
    "default_split_path",
    "detect",
    "digest_of_test",
    "fingerprint",
    "infer_groups",
    "keep_copies_together",
    "kept_split_path",
    "own_split",
    "read",
    "read_split",
    "refuse_copies",
    "require_writable_layout",
    "split",
]
