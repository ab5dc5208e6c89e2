"""Arrays out to image files, whole or not at all."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from flawscope.files import write_bytes

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}


def encode_image(array: NDArray[np.uint8], suffix: str, *, quality: int = 90) -> bytes:
    """The bytes of an image file.

    Args:
        array: RGB (height, width, 3) or grey (height, width).
        suffix: ``.png``, ``.jpg``, ``.webp``, ``.bmp`` or ``.tif``.
        quality: 1-100, for the lossy formats.
    """
    stream = io.BytesIO()
    options = {"quality": quality} if suffix in (".jpg", ".jpeg", ".webp") else {}
    Image.fromarray(array).save(stream, _FORMATS[suffix], **options)
    return stream.getvalue()


def save_image(array: NDArray[np.uint8], path: Path, *, quality: int = 90) -> None:
    """Writes an image; the suffix of ``path`` says the format, as for ``encode_image``."""
    write_bytes(path, encode_image(array, path.suffix.lower(), quality=quality))
