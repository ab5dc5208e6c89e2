"""Image files in, RGB uint8 arrays out; what cannot be read says why and names its file."""

from __future__ import annotations

import io
import itertools
import logging
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from flawscope.errors import ImageError
from flawscope.values import Size

DEFAULT_MAX_PIXELS = 120_000_000
"""Images of more pixels are refused before they are decoded; ``FLAWSCOPE_MAX_PIXELS`` overrides."""

_PORTABLE = {".pbm", ".pgm", ".pnm", ".ppm"}
_JPEG = {".jfif", ".jp2", ".jpe", ".jpeg", ".jpg"}

IMAGE_SUFFIXES = frozenset({".bmp", ".gif", ".png", ".tif", ".tiff", ".webp"} | _JPEG | _PORTABLE)

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_SUBFILE, _PREVIEW, _MASK = 254, 1, 4
"""TIFF 6.0, NewSubfileType: its tag, and the bits of a smaller version and of a transparency."""

_PAGED = ("TIFF", "GIF", "PNG", "WEBP")
"""Formats whose files may hold several images, by Pillow's names."""

_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
_DEEP_GREY = {"I;16", "I;16L", "I;16B", "I;16N", "I", "F"}

# Our own limit is checked before decoding; Pillow's would only warn, and at another number.
Image.MAX_IMAGE_PIXELS = None

# What Pillow logs of a damaged file is in our error; without a handler it would go to stderr.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def find_images(paths: Iterable[Path]) -> Iterator[Path]:
    """Image files under ``paths``: files as given, folders searched through in sorted order.

    Raises:
        ImageError: a path does not exist.
    """
    for path in paths:
        if path.is_dir():
            for folder, folders, names in os.walk(path):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                yield from (
                    Path(folder, name)
                    for name in sorted(names)
                    if Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")
                )
        elif path.exists():
            yield path
        else:
            raise ImageError(
                "no such file or folder", where=path, remedy="Check the spelling of the path"
            )


def max_pixels() -> int:
    """The limit in force on the number of pixels of an image."""
    text = os.environ.get("FLAWSCOPE_MAX_PIXELS", "")
    if not text:
        return DEFAULT_MAX_PIXELS
    if not text.isdigit() or int(text) < 1:
        raise ImageError(
            f"{text!r} is not a number of pixels",
            where="FLAWSCOPE_MAX_PIXELS",
            remedy="Set it to a whole number such as 120000000",
        )
    return int(text)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image of a file, header read and size checked, or an ImageError that names the file."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # the latter: no file could be called so
        raise ImageError(
            f"cannot be read ({getattr(error, 'strerror', None) or error})",
            where=path,
            remedy="Check the file",
        ) from error
    if not data:
        raise ImageError("the file is empty", where=path, remedy="Copy it again from its source")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                _refuse_bomb(image, path)
                _refuse_pages(image, path)
                yield image
    except UnidentifiedImageError as error:
        if data.startswith(_TIFF):
            raise ImageError(
                "a TIFF that is cut short, or of a sort that is not read (colours in floating"
                " point, 64 bits)",
                where=path,
                remedy="Copy it again, or save it in grey, or its colours with 8 bits",
            ) from error
        raise ImageError(
            "not an image in a format that is known here",
            where=path,
            remedy="Save it as PNG, JPEG, TIFF, BMP or WebP",
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError) as error:
        raise ImageError(
            f"the image is damaged or truncated ({error})",
            where=path,
            remedy="Copy it again from its source",
        ) from error


def _refuse_bomb(image: Image.Image, path: Path) -> None:
    limit = max_pixels()
    if image.width * image.height > limit:
        raise ImageError(
            f"{image.width} x {image.height} pixels are over the limit of {limit:,}",
            where=path,
            remedy="Cut it up, or raise FLAWSCOPE_MAX_PIXELS",
        )


def read_size(path: Path) -> Size:
    """An image's size as displayed (after EXIF rotation), from its header alone.

    Raises:
        ImageError: the file is missing, not an image, or over the limit.
    """
    try:
        with Image.open(path) as image:
            _refuse_bomb(image, path)
            _refuse_pages(image, path)
            turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
            return Size(image.width, image.height) if turned else Size(image.height, image.width)
    except Exception:  # noqa: BLE001 - see the next line
        # The slow path knows every reason by name.
        with _opened(path) as image:
            image = ImageOps.exif_transpose(image)
            return Size(image.height, image.width)


def open_image(
    path: str | Path, *, value_range: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    """An image as displayed: RGB ``uint8``, (height, width, 3), EXIF rotation applied.

    Grey, palette, CMYK and YCbCr become RGB; transparent pixels are laid over white. 16-bit grey
    is scaled from 0-65535. Floating-point and 32-bit TIFFs state no scale, so one must be named.

    Args:
        path: of the file.
        value_range: the values that become 0 and 255, for grey images of more than 8 bits;
            where neither it nor the file says, those that ``FLAWSCOPE_VALUE_RANGE`` names.

    Raises:
        ImageError: the file cannot be read, is damaged, over the limit, or of unstated scale.
    """
    path = Path(path)
    with _opened(path) as image:
        return _as_rgb(image, path, value_range)


def open_reduced(path: str | Path, least: Size) -> tuple[NDArray[np.uint8], Size]:
    """An image for a quick look: RGB or grey ``uint8``, perhaps smaller, and the image's own size.

    JPEG is decoded in grey at a half, a quarter or an eighth of its sides, as long as these stay
    at least ``least``, which is several times as fast and finds damage all the same. Every other
    image comes whole, as ``open_image`` gives it.

    Args:
        path: of the file.
        least: the smallest height and width, as displayed, that will do.

    Returns:
        The pixels, (height, width, 3) or (height, width), and the size of the whole image as
        displayed.

    Raises:
        ImageError: as for ``open_image``.
    """
    path = Path(path)
    with _opened(path) as image:
        turned = image.getexif().get(_ORIENTATION, 1) in _TURNED
        size = Size(image.width, image.height) if turned else Size(image.height, image.width)
        halves = size.height >= 2 * least.height and size.width >= 2 * least.width
        if image.format == "JPEG" and halves:
            image.draft("L", least if turned else (least.width, least.height))
            if image.mode == "L":
                image.load()
                return np.array(ImageOps.exif_transpose(image), dtype=np.uint8), size
        return _as_rgb(image, path), size


def _refuse_pages(image: Image.Image, path: Path) -> None:
    """Refuses several images of one size in one file: a look at the first would pass for all.

    Smaller ones beside it are previews, as in pyramids, and a phone's second picture is of depth.
    """
    if image.format not in _PAGED:
        return
    several = any(_other_images(image, image.size))
    image.seek(0)
    if several:
        raise ImageError(
            "holds several images, of which the first alone would be looked at",
            where=path,
            remedy="Save each as a file of its own",
        )


def _other_images(image: Image.Image, size: tuple[int, int]) -> Iterator[bool]:
    """Of each image after the first whether it is one of this size: no preview, and no mask."""
    for number in itertools.count(1):
        try:
            image.seek(number)
            role = int(getattr(image, "tag_v2", {}).get(_SUBFILE, 0))
        except Exception:  # noqa: BLE001 - there are no more, or none that can be read
            return
        yield image.size == size and not role & (_PREVIEW | _MASK)


def _as_rgb(
    image: Image.Image, path: Path, value_range: tuple[float, float] | None = None
) -> NDArray[np.uint8]:
    image.load()
    stated = _stated_range(image)
    image = ImageOps.exif_transpose(image)
    if image.mode in _DEEP_GREY:
        grey = _scaled(np.asarray(image), value_range or stated or named_range(), path)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        image = Image.alpha_composite(white, over)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _stated_range(image: Image.Image) -> tuple[float, float] | None:
    """The values of black and white in deep grey; ``None`` where the file does not say.

    Only TIFFs hold more than the 16 bits that other formats bring as 32-bit integers.
    """
    unstated = image.mode == "F" or (image.mode == "I" and image.format == "TIFF")
    return None if unstated else (0.0, 65535.0)


def named_range() -> tuple[float, float] | None:
    """What grey images that state no scale are scaled by, where the environment says so."""
    text = os.environ.get("FLAWSCOPE_VALUE_RANGE", "")
    if not text:
        return None
    try:
        low, high = map(float, text.replace(",", " ").split())
    except ValueError as error:
        raise ImageError(
            f"{text!r} is not two numbers",
            where="FLAWSCOPE_VALUE_RANGE",
            remedy="Set it to the values of black and white, such as '0 1'",
        ) from error
    return low, high


def _scaled(
    values: NDArray[np.generic], value_range: tuple[float, float] | None, path: Path
) -> NDArray[np.uint8]:
    if value_range is None:
        raise ImageError(
            "floating-point or 32-bit values do not say which of them are black and white",
            where=path,
            remedy="Name them in FLAWSCOPE_VALUE_RANGE='LOW HIGH', or with --value-range where a"
            " command has it, or save it with 8 or 16 bits",
        )
    low, high = value_range
    if not (high > low and math.isfinite(high - low)):
        raise ImageError(
            f"{low} to {high} is no range of values",
            where=path,
            remedy="Give two numbers, the low value first",
        )
    shares = (np.nan_to_num(values.astype(np.float32)) - low) / (high - low)
    return np.asarray(np.clip(shares, 0.0, 1.0) * 255.0 + 0.5, dtype=np.uint8)


def open_mask(path: str | Path) -> NDArray[np.uint8]:
    """A mask file's values as they stand: ``uint8``, (height, width); colour becomes grey.

    Anti-aliased masks are 0-255 with 128 and above inside; label masks hold small numbers. A
    palette's indices are its values. 16-bit masks of greater values than 255 are scaled to 0-255.

    Raises:
        ImageError: as for ``open_image``.
    """
    path = Path(path)
    with _opened(path) as image:
        image.load()
        stated = _stated_range(image)
        image = ImageOps.exif_transpose(image)
        if image.mode == "P":
            return np.array(image, dtype=np.uint8)
        if image.mode == "1":
            return np.asarray(image).astype(np.uint8) * np.uint8(255)
        if image.mode in _DEEP_GREY:
            values = np.asarray(image)
            if image.mode != "F" and values.min() >= 0 and values.max() <= 255:
                return values.astype(np.uint8)
            return _scaled(values, stated, path)
        return np.array(image.convert("L"), dtype=np.uint8)
