"""The model file: one zip without pickles, checked member by member before anything runs."""

from typing import TYPE_CHECKING

from flawscope.bundle.cache import cache_folder
from flawscope.bundle.editing import edited, policy_keys
from flawscope.bundle.opening import Bundle, digest_of, shipped_model
from flawscope.bundle.packing import CARD, PICTURE, pack, refuse_replacing
from flawscope.on_demand import attributes

if TYPE_CHECKING:
    from flawscope.bundle.pulling import Pulled, pull

__all__ = [
    "CARD",
    "PICTURE",
    "Bundle",
    "Pulled",
    "cache_folder",
    "digest_of",
    "edited",
    "pack",
    "policy_keys",
    "pull",
    "refuse_replacing",
    "shipped_model",
]

# Most models are not fetched from anywhere.
__getattr__, _ = attributes(__name__, ("Pulled", "pull"), ("pulling",))
