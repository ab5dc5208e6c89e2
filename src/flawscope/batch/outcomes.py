"""What comes of one address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flawscope.batch.stamps import Stamp
from flawscope.errors import FlawscopeError
from flawscope.runtime import Examination, record
from flawscope.values import Inspection


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one address: an inspection, or the error why there is none.

    Attributes:
        id: the address, as the source gave it.
        inspection: what the model says of the picture.
        error: why it could not be inspected.
        examination: the inspection with its pixels, where the engine has them in this process.
        stamp: of the file that was read;
            ``None`` for what is no file of this machine's.
    """

    id: str
    inspection: Inspection | None = None
    error: FlawscopeError | None = None
    examination: Examination | None = None
    stamp: Stamp | None = None


Item = str | Outcome
"""What sources give: an address, or the outcome of a place where no addresses can be had."""


def line_of(
    outcome: Outcome, *, mm_per_pixel: float | None = None, also: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON object of an outcome: that of its inspection, or ``id`` and ``error`` alone.

    Args:
        outcome: of one address.
        mm_per_pixel: for sizes in millimetres.
        also: more keys, after the others.
    """
    if outcome.inspection is not None:
        said = record(outcome.inspection, mm_per_pixel=mm_per_pixel)
    else:
        said = {"id": outcome.id, "error": str(outcome.error)}
    return {**said, **(also or {})}
