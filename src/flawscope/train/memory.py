"""Memory that a step gave back is kept for the next one."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_KEPT = 2**31 - 1


def keep_memory() -> None:
    """Tells glibc not to return freed memory to the system; elsewhere nothing is done.

    Every step allocates and frees the same gigabyte of tensors. Returned to the system and asked
    for again, each of its pages is mapped anew, which costs up to a third of the step.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, value in (
            (_MMAP_MAX, 0),
            (_TRIM_THRESHOLD, _KEPT),
            (_TOP_PAD, 2**26),
            (_ARENA_MAX, 1),
        ):
            mallopt(option, value)
