"""The model file: one zip without pickles, checked member by member before anything runs."""

from flawscope.bundle.editing import edited, policy_keys
from flawscope.bundle.opening import Bundle, digest_of, shipped_model
from flawscope.bundle.packing import CARD, PICTURE, pack
from flawscope.bundle.pulling import Pulled, cache_folder, pull

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
    "shipped_model",
]
