"""Parts whose verdicts are known, for the toy model's screen: the brightest red or green."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.images import save_image

Cli = Callable[..., int]

GOOD = (0, 0, 90)
REVIEWED = (0, 128, 0)
REJECTED = (250, 0, 0)

VERDICTS = {
    "a.png": "accept",
    "b.png": "reject",
    "sub/c.png": "accept",
    "sub/d.png": "review",
    "sub/e.png": "accept",
}
"""By path in the folder of the fixture ``parts``."""


def draw_part(path: Path, colour: tuple[int, int, int], seed: int = 0) -> Path:
    """A dark part of 80 x 100 pixels, grained by its seed, with a patch of 20 x 30 in a colour."""
    grain = np.random.default_rng(seed).integers(0, 40, (10, 10, 1), dtype=np.uint8)
    image = np.repeat(grain.repeat(8, axis=0).repeat(10, axis=1), 3, axis=2)
    image[20:40, 30:60] = colour
    save_image(image, path)
    return path


def strict_lines(text: str) -> list[dict[str, Any]]:
    """JSON lines; NaN and Infinity, which are not JSON, are refused."""
    return [json.loads(line, parse_constant=_refuse) for line in text.splitlines()]


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is not JSON")
