"""Which layout a folder has, and why one thinks so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flawscope.data.listing import Listing
from flawscope.data.readers import READERS, pairs
from flawscope.errors import DatasetError

LAYOUTS = tuple(sorted(READERS))
"""Names of the layouts that can be read."""

FALLBACK = "folder-per-label"
"""The layout that any images in folders have; it only counts where no other is recognised."""


@dataclass(frozen=True, slots=True)
class Detection:
    """The layout of a folder and what in it says so."""

    layout: str
    why: str


def detect(root: Path) -> Detection:
    """The layout of a dataset.

    Raises:
        DatasetError: no layout fits, or several do.
    """
    return detect_listing(Listing(root))


def detect_listing(listing: Listing) -> Detection:
    """The layout of a dataset that was listed already; errors as for ``detect``."""
    reasons = {name: reader.recognise(listing) for name, reader in READERS.items()}
    fitting = {name: why for name, why in reasons.items() if why}
    if len(fitting) > 1:
        fitting.pop(FALLBACK, None)
    if fitting.keys() == {FALLBACK} and (paired := pairs.some_paired(listing)):
        fitting["image-mask-pairs"] = paired
    if len(fitting) == 1:
        return Detection(*next(iter(fitting.items())))
    if not fitting:
        raise DatasetError(
            f"no known layout was recognised among {len(listing.files)} files,"
            f" {len(listing.images)} of them images",
            where=listing.root,
            remedy="Point to the folder of one dataset, or name its layout with --layout:"
            f" {', '.join(LAYOUTS)}",
        )
    candidates = "; ".join(f"{name} ({why})" for name, why in fitting.items())
    raise DatasetError(
        f"several layouts fit: {candidates}",
        where=listing.root,
        remedy=f"Choose one with --layout: {', '.join(fitting)}",
    )
