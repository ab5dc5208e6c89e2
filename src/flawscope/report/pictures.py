"""Photographs, probability maps and outlines in the forms that a page can hold."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.images import encode_image
from flawscope.masks import decode_at, outlines
from flawscope.values import Box, Defect, Size


def shrunk(image: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """An image (h, w, 3) brought down to ``longest`` pixels a side; a smaller one as it is."""
    height, width = image.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    to = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, to, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def data_uri(image: NDArray[np.uint8], *, quality: int = 80) -> str:
    """A picture as ``data:image/webp;base64,...``; (h, w, 3) or, with opacity, (h, w, 4)."""
    data = base64.b64encode(encode_image(image, ".webp", quality=quality)).decode("ascii")
    return f"data:image/webp;base64,{data}"


def heat_layer(heat: NDArray[np.float32], longest: int) -> NDArray[np.uint8]:
    """A probability map (h, w) as a layer (h, w, 4) to lay over its picture.

    The less probable, the more transparent; the colours are Matplotlib's "inferno", which grows
    lighter evenly and reads the same to the colour-blind and in grey.
    """
    scale = longest / max(heat.shape)
    if scale < 1:
        to = (max(1, round(heat.shape[1] * scale)), max(1, round(heat.shape[0] * scale)))
        heat = np.asarray(cv2.resize(heat, to, interpolation=cv2.INTER_AREA), dtype=np.float32)
    levels = np.clip(np.nan_to_num(heat) * 255 + 0.5, 0, 255).astype(np.uint8)
    coloured = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[:, :, ::-1]
    opacity = (np.minimum(1.0, levels / 200) * 217).astype(np.uint8)
    return np.dstack([coloured, opacity])


def pixels_in_box(defect: Defect) -> NDArray[np.bool_]:
    """A defect's pixels inside its box, (box height, box width); all of them without a mask."""
    if defect.mask is None:
        return np.ones((max(defect.box.height, 1), max(defect.box.width, 1)), dtype=bool)
    return decode_at(defect.mask, defect.box)


def outline_path(pixels: NDArray[np.bool_], box: Box, size: Size, longest: int) -> str:
    """The outline of a defect as an SVG path in pixels of the original image.

    It is no finer than a picture of ``longest`` pixels a side can show, so that its length is
    bounded; what is coarser is drawn around, never across, the defect's pixels.

    Args:
        pixels: the defect inside its box, as ``pixels_in_box`` gives them.
        box: its box.
        size: of the whole image.
        longest: side in pixels of the picture it is drawn over.
    """
    step = max(1, -(-max(size) // longest))
    rings = [ring * step for ring in outlines(_coarser(pixels, step))]
    return "".join(_ring_path(ring + (box.left, box.top)) for ring in rings)


def _coarser(pixels: NDArray[np.bool_], step: int) -> NDArray[np.bool_]:
    """Blocks of ``step`` pixels a side that hold any pixel set."""
    if step == 1:
        return pixels
    height, width = pixels.shape
    padded = np.pad(pixels, ((0, -height % step), (0, -width % step)))
    rows, columns = padded.shape[0] // step, padded.shape[1] // step
    blocks = padded.reshape(rows, step, columns, step)
    return np.asarray(blocks.any(axis=(1, 3)), dtype=bool)


def _ring_path(ring: NDArray[np.float64]) -> str:
    """Sides run along pixel edges, so each is one horizontal or vertical command."""
    corners = ring.astype(int)
    x, y = corners[0]
    sides = [f"h{dx}" if dx else f"v{dy}" for dx, dy in np.diff(corners, axis=0)]
    return f"M{x} {y}{''.join(sides)}z"
