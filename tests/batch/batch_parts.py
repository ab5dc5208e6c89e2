"""Small pictures, and what the toy model says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from flawscope.batch import Outcome
from flawscope.images import save_image

GOOD = (0, 0, 90)
BAD = (250, 0, 0)


def picture(path: Path, colour: tuple[int, int, int] = GOOD) -> Path:
    """A picture of 32 x 32 pixels in one colour; the toy model rejects red ones."""
    save_image(np.full((32, 32, 3), colour, dtype=np.uint8), path)
    return path


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Every line of a file of results; each must be whole."""
    text = path.read_text(encoding="utf-8")
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def verdict(outcome: Outcome) -> str | None:
    """What was said of a part; ``None`` of a file that could not be inspected."""
    return None if outcome.inspection is None else outcome.inspection.verdict.value
