"""Letters on pictures, with no font file to carry along."""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_WIDE_FONTS = (
    "NotoSansCJK-Regular.ttc",
    "msyh.ttc",
    "PingFang.ttc",
    "arialuni.ttf",
    "DejaVuSans.ttf",
    "arial.ttf",
)
"""Looked for, in this order, where a kind's name goes beyond ASCII."""

_SPELLED = str.maketrans(
    {
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{LATIN SMALL LETTER SHARP S}": "ss",
        "\N{HORIZONTAL ELLIPSIS}": "...",
    }
)


@dataclass(frozen=True, slots=True)
class Pen:
    """Sizes in pixels of what is drawn on a picture.

    Attributes:
        letters: height of the font.
        line: thickness of an outline.
        edge: thickness of the dark border around an outline, without which a light line is lost
            on bright metal.
    """

    letters: int
    line: int
    edge: int

    @classmethod
    def for_size(cls, height: int, width: int) -> Pen:
        """The pen whose letters and lines are legible on a picture of this size."""
        letters = max(13, round(math.sqrt(height * width) / 70))
        line = max(2, round(letters / 8))
        return cls(letters, line, max(1, line // 2))


@dataclass(frozen=True, slots=True)
class Words:
    """A text as it can be drawn, and the font to draw it with."""

    text: str
    font: Font

    @property
    def width(self) -> int:
        """Pixels from the first letter's left to the last one's right."""
        return math.ceil(self.font.getlength(self.text))


def words(text: str, letters: int, room: float) -> Words:
    """A text in letters of this height, cut short where it is wider than ``room`` pixels.

    The font inside Pillow knows ASCII alone. Accents are dropped from what it cannot write; for
    other alphabets a font of the system is looked for.
    """
    plain = _plain(text)
    font = _own_font(letters)
    if not plain.isascii():
        font = _wide_font(letters) or font
    if font.getlength(plain) <= room:
        return Words(plain, font)
    lengths = range(1, len(plain) + 1)
    kept = bisect_right(lengths, room, key=lambda n: font.getlength(f"{plain[:n].rstrip()}..."))
    return Words(f"{plain[:kept].rstrip()}..." if kept else "", font)


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_SPELLED))
    kept = (letter for letter in decomposed if not unicodedata.combining(letter))
    return "".join(letter if letter.isprintable() else " " for letter in kept)


@lru_cache(maxsize=8)
def _own_font(letters: int) -> Font:
    return ImageFont.load_default(letters)


@lru_cache(maxsize=8)
def _wide_font(letters: int) -> Font | None:
    for name in _WIDE_FONTS:
        try:
            return ImageFont.truetype(name, letters)
        except OSError:
            continue
    return None
