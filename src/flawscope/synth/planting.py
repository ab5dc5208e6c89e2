"""Putting marks on surfaces and photographs, and saying which pixels show them."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.errors import FlawscopeError
from flawscope.synth.blotches import chip, dent, inclusion, pit, stain
from flawscope.synth.grooves import crack, scratch
from flawscope.synth.light import Colours, Lamp, Light, Surface, radiance
from flawscope.synth.marks import Mark, marked
from flawscope.synth.noise import Field, blurred, log_uniform
from flawscope.values import Box

VISIBLE = 6.0
"""Grey levels (of 255, before the sensor's noise) from which a change counts as seen."""

SMALLEST_SIDE = 16
"""Pixels a side from which a picture has room for a surface and a defect."""

_DRAW: dict[str, Callable[[np.random.Generator, tuple[int, int], float], Mark]] = {
    "chip": chip,
    "crack": crack,
    "dent": dent,
    "inclusion": inclusion,
    "pit": pit,
    "scratch": scratch,
    "stain": stain,
}

DEFECTS = tuple(_DRAW)
"""The kinds of defect that can be drawn."""

TRIES = 5
"""How often a defect that cannot be made out is cut deeper, or moved."""


def draw_mark(kind: str, rng: np.random.Generator, size: tuple[int, int], along: float) -> Mark:
    """A mark of a kind, for a picture of a size.

    Args:
        kind: one of ``DEFECTS``.
        rng: decides everything else.
        size: (height, width) of the picture.
        along: angle in radians, x towards y, of the grain; for chips, of the way inwards.


    Raises:
        FlawscopeError: the kind is unknown.
    """
    if kind not in _DRAW:
        raise FlawscopeError(
            f"no defect is called {kind!r}", remedy=f"Choose from {', '.join(DEFECTS)}"
        )
    return _DRAW[kind](rng, size, along)


def overlap(mark: Mark, middle: tuple[int, int], size: tuple[int, int]) -> tuple[Mark, Box]:
    """A mark with its middle at (x, y), cut to a picture of a size, and where it then lies."""
    rows, columns = mark.size
    left, top = middle[0] - columns // 2, middle[1] - rows // 2
    box = Box(max(left, 0), max(top, 0), min(left + columns, size[1]), min(top + rows, size[0]))
    return mark.cut(box.top - top, box.left - left, box.height, box.width), box


def shown(before: Colours, after: Colours, core: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pixels show a defect: boolean (height, width).

    A pixel does if most of those around it changed by ``VISIBLE`` grey levels or more, or if it
    changed by twice that itself; flecks of one or two pixels do not count. So does the mark's core
    where the change around it is half that on average, or where such pixels enclose it: there
    light and shade cross over, or a texture hides the change in single pixels.

    Args:
        before: grey levels without the defect and without noise, (height, width, 3).
        after: the same with it.
        core: the mark's.
    """
    change = _change(before, after)
    changed = (change >= VISIBLE).astype(np.float32)
    most = cv2.blur(changed, (3, 3)) > 0.5
    mask = most | (change >= 2.0 * VISIBLE) | (core & (cv2.blur(change, (7, 7)) >= VISIBLE / 2.0))
    pieces, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(mask.shape, dtype=np.uint8)
    cv2.drawContours(filled, [piece for piece in pieces if len(piece) > 2], -1, 1, cv2.FILLED)
    whole: NDArray[np.bool_] = (filled > 0) & (core | mask)
    return whole


def evident(before: Colours, after: Colours, mask: NDArray[np.bool_]) -> bool:
    """Whether somebody who looks would find a defect: it stands out of the texture around it."""
    if not mask.any():
        return False
    change = _change(before, after)[mask].mean()
    texture = before[:, :, 1] - cv2.blur(before[:, :, 1], (7, 7))
    return bool(change >= max(1.3 * VISIBLE, 0.7 * float(texture.std())))


def _change(before: Colours, after: Colours) -> Field:
    """By how many grey levels each pixel changed, in the colour that changed most."""
    red, green, blue = cv2.split(cv2.absdiff(before, after))
    change: Field = np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.float32)
    return change


def insert_defect(
    image: NDArray[np.uint8], kind: str, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draws one defect on a photograph of a metal surface.

    The defect is lit by lamps drawn at random and its shading multiplies the pixels that are
    there, so that texture, exposure and colour of the photograph stay. Chips sit at the picture's
    border, as though the part ended there.

    Args:
        image: RGB ``uint8`` (height, width, 3); left as it is.
        kind: one of ``DEFECTS``.
        rng: decides everything else.

    Returns:
        The new photograph, and the pixels in it that show the defect, boolean (height, width).
        The mask is empty, and the photograph unchanged, only where nothing can be seen on it,
        because it is black.

    Raises:
        FlawscopeError: the kind is unknown, or the picture is under 16 pixels a side.
    """
    height, width = size = image.shape[:2]
    if min(size) < SMALLEST_SIDE:
        raise FlawscopeError(
            f"{width} x {height} pixels are too few for a defect",
            remedy=f"Give at least {SMALLEST_SIDE} a side",
        )
    if kind == "chip":
        middle, along = _border_place(image, rng)
    else:
        middle, along = _bright_place(image, rng), grain_of(image)
    mark = draw_mark(kind, rng, size, along)
    if _is_grey(image):
        mark = mark.greyed()
    mark, box = overlap(mark, middle, size)
    lit = _photo_light(rng)
    window = np.s_[box.top : box.bottom, box.left : box.right]
    before = image[window].astype(np.float32)
    for _ in range(TRIES):
        after = _relit(before, mark, lit)
        mask = shown(before, after, mark.core)
        if evident(before, after, mask):
            break
        mark = mark.stronger(1.5)
    whole = np.zeros(size, dtype=bool)
    changed = image.copy()
    if mask.any():
        whole[window] = mask
        changed[window] = np.rint(after).astype(np.uint8)
    return changed, whole


def grain_of(image: NDArray[np.uint8]) -> float:
    """The angle (radians, x towards y) along which a photograph changes least."""
    grey = image[:, :, 1].astype(np.float32)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    xx, yy, xy = (float((a * b).mean()) for a, b in ((across,) * 2, (down,) * 2, (across, down)))
    return 0.5 * math.atan2(2.0 * xy, xx - yy) + math.pi / 2


def _is_grey(image: NDArray[np.uint8]) -> bool:
    red, green, blue = (image[:, :, band] for band in range(3))
    return bool((red == green).all() and (green == blue).all())


def _photo_light(rng: np.random.Generator) -> Light:
    lamps = []
    for _ in range(2):
        towards = rng.uniform(0.0, 2.0 * math.pi)
        tilt = rng.uniform(0.05, 0.5)
        lamps.append(
            Lamp(
                log_uniform(rng, 0.2, 1.2), (tilt * math.cos(towards), tilt * math.sin(towards)), 0
            )
        )
    return Light(tuple(lamps), log_uniform(rng, 0.15, 0.5), log_uniform(rng, 0.15, 0.6), (0, 0))


def _relit(before: Colours, mark: Mark, light: Light) -> Colours:
    """Grey levels of a photograph after a mark: what changes is the share of light given back."""
    plain = _plain(mark.size)
    blank = radiance(plain, light)[0, 0]
    gain = blurred(radiance(marked(plain, mark), light) / blank, 0.6)
    linear = np.square(before / 255.0)
    keep = (1.0 - 0.8 * mark.matte)[:, :, None]
    texture = linear * keep + cv2.blur(linear, (9, 9)) * (1.0 - keep)
    levels: Colours = 255.0 * np.sqrt(np.clip(texture * gain, 0.0, 1.0))
    return levels


def _plain(size: tuple[int, int]) -> Surface:
    """A flat, even, fairly glossy piece of metal with nothing but black behind it."""
    zero = np.zeros(size, dtype=np.float32)
    one = np.ones(size, dtype=np.float32)
    spread = np.full(size, 0.3, dtype=np.float32)
    white = np.ones((*size, 3), dtype=np.float32)
    return Surface(
        zero, (zero, zero), (one, zero), (spread, spread), white, one, np.zeros_like(white) + 0.02
    )


def _bright_place(image: NDArray[np.uint8], rng: np.random.Generator) -> tuple[int, int]:
    """(x, y) of a pixel whose surroundings are neither much darker than the rest nor white."""
    height, width = image.shape[:2]
    small = cv2.resize(image[:, :, 1], (16, 16), interpolation=cv2.INTER_AREA)
    usual = float(np.median(small))
    x, y = int(rng.integers(width)), int(rng.integers(height))
    for _ in range(TRIES):
        level = small[y * 16 // height, x * 16 // width]
        if 0.5 * usual <= level <= 245:
            break
        x, y = int(rng.integers(width)), int(rng.integers(height))
    return x, y


def _border_place(
    image: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[tuple[int, int], float]:
    """(x, y) on one of the picture's sides, bright rather than dark, and its angle inwards."""
    height, width = image.shape[:2]
    usual = float(np.median(image[::8, ::8, 1]))
    for _ in range(TRIES):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        side = int(rng.integers(4))
        column, row = ((0, y), (x, 0), (width - 1, y), (x, height - 1))[side]
        if image[row, column, 1] > 0.5 * usual:
            break
    return (column, row), side * math.pi / 2
