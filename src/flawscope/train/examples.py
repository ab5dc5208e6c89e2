"""A few validation parts, pictured at each validation: what is true beside what is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from flawscope.masks import bounding_box, encode
from flawscope.report import side_by_side
from flawscope.train.supervision import Lesson
from flawscope.values import UNNAMED, Defect

MOST = 4


class Examples:
    """Watches a validation and pictures a few of its parts, the same ones every time.

    Args:
        lessons: that are validated on; of each kind in turn one is pictured, good parts included.
        kinds: of the network.
        notes: where a picture that cannot be drawn is noted; none is worth a run.
    """

    def __init__(self, lessons: Sequence[Lesson], kinds: Sequence[str], notes: list[str]) -> None:
        self._kinds = kinds
        self._notes = notes
        self._names = {
            _key(lesson): f"example/{number}"
            for number, lesson in enumerate(_chosen(lessons, MOST), start=1)
        }
        self._pictures: dict[str, bytes] = {}

    def look(
        self,
        lesson: Lesson,
        image: NDArray[np.uint8],
        whole: NDArray[np.float64],
        masks: NDArray[np.bool_],
    ) -> None:
        """Is shown each image, its probabilities (1 + k) and cut masks (1 + k, height, width)."""
        if (name := self._names.get(_key(lesson))) is None:
            return
        try:
            found = _defects(masks, whole, self._kinds)
            picture = side_by_side(lesson.sample, image, found, float(whole[0]), self._kinds)
        except Exception as error:  # noqa: BLE001 - see the notes' description
            self._notes.append(f"{lesson.sample.id}: no picture for trackers ({error})")
            del self._names[_key(lesson)]
        else:
            self._pictures[name] = picture

    def take(self) -> dict[str, bytes]:
        """PNGs by name, of the validation since the last time."""
        pictures, self._pictures = self._pictures, {}
        return pictures


def _key(lesson: Lesson) -> tuple[str, str]:
    return lesson.dataset, lesson.sample.id


def _chosen(lessons: Sequence[Lesson], most: int) -> list[Lesson]:
    by_kind: dict[str, list[Lesson]] = defaultdict(list)
    for lesson in lessons:
        by_kind[min(lesson.sample.kinds or (lesson.sample.label.value,))].append(lesson)
    in_turn = (lesson for row in zip_longest(*by_kind.values()) for lesson in row)
    return [lesson for lesson in in_turn if lesson is not None][:most]


def _defects(
    masks: NDArray[np.bool_], whole: NDArray[np.float64], kinds: Sequence[str]
) -> list[Defect]:
    """All pixels of a kind as one defect; what no kind explains is shown where there is none."""
    found = []
    for kind, mask, score in zip((UNNAMED, *kinds), masks, whole, strict=True):
        if (box := bounding_box(mask)) is not None:
            found.append(Defect(kind, box, encode(mask), float(score)))
    return [defect for defect in found if defect.kind != UNNAMED] or found
