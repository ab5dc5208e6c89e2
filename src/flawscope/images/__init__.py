"""Opening and checking image files."""

from flawscope.images.opening import (
    DEFAULT_MAX_PIXELS,
    IMAGE_SUFFIXES,
    find_images,
    max_pixels,
    named_range,
    open_image,
    open_mask,
    open_reduced,
    read_size,
)
from flawscope.images.saving import encode_image, save_image

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "IMAGE_SUFFIXES",
    "encode_image",
    "find_images",
    "max_pixels",
    "named_range",
    "open_image",
    "open_mask",
    "open_reduced",
    "read_size",
    "save_image",
]
