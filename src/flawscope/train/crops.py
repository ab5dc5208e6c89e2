"""Which part of which image a step shows, and what is known of it.

Crop ``i`` of a run depends on the seed and ``i`` alone, so that a resumed run goes on with exactly
the crops that it would have had.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from flawscope.images import open_image
from flawscope.train.augment import vary
from flawscope.train.recipe import AugmentRecipe, Recipe
from flawscope.train.supervision import CLEAN, DEFECT, SOMEWHERE, Lesson, answers, places
from flawscope.train.transplants import transplant
from flawscope.values import Label, Size

GOOD = "good"
ANY = "any"
_CACHE_BYTES = 64_000_000
"""Of opened pictures. To open a small one again takes a millisecond or two, and training is to fit
into 2 GB, most of which PyTorch and a batch take."""
_CLEAR_SHARE = 0.15
_CLEAR_PIXELS = 12
"""A crop shows a defect if it shows this share, or so many pixels, of all there is in the image."""
_SHARP_ZOOM = 0.7
"""Under it a picture is blurred before it is made smaller, or its grain would alias."""


Places = tuple[NDArray[np.uint8], ...]
"""As of ``supervision.places``."""


class _Opened(NamedTuple):
    image: NDArray[np.uint8]
    places: Places

    @property
    def bytes(self) -> int:
        return self.image.nbytes + sum({id(one): one.nbytes for one in self.places}.values())


class Crop(NamedTuple):
    """One training example.

    Attributes:
        image: uint8 (size, size, 3).
        places: uint8 (1 + k, size, size), what is known of each pixel.
        answers: float32 (1 + k), what is known of the whole crop; NaN is unknown.

    A batch of crops has one dimension more, in front.
    """

    image: NDArray[np.uint8]
    places: NDArray[np.uint8]
    answers: NDArray[np.float32]


_Groups = tuple[tuple[int, ...], ...]
"""Numbers of lessons, by group."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Lessons of one dataset that show one kind, by group."""

    weight: float
    groups: _Groups
    kind: str


class Crops:
    """An endless, seeded series of crops, balanced by dataset and kind, then by group.

    Args:
        lessons: of the training part.
        kinds: of the model.
        recipe: its crops and augmentation are used.
    """

    def __init__(self, lessons: Sequence[Lesson], kinds: Sequence[str], recipe: Recipe) -> None:
        self.lessons = lessons
        self.kinds = tuple(kinds)
        self.recipe = recipe
        self.shelves = _shelves(lessons, recipe)
        weights = np.array([shelf.weight for shelf in self.shelves])
        self.chances = weights / weights.sum()
        self._unlocated = _unlocated(lessons)
        self._donors = {
            dataset: tuple(by_kind.values())
            for dataset, by_kind in _by_kind(lessons, _gives_defects).items()
        }
        self._cache: OrderedDict[int, _Opened] = OrderedDict()
        self._cached_bytes = 0

    def __getitem__(self, index: int) -> Crop:
        rng = np.random.default_rng((self.recipe.seed, index))
        shelf = self.shelves[rng.choice(len(self.shelves), p=self.chances)]
        group = shelf.groups[rng.integers(len(shelf.groups))]
        number = group[rng.integers(len(group))]
        lesson = self.lessons[number]
        picture, places = self._opened(number)
        kind = shelf.kind
        if kind == GOOD and rng.random() < self.recipe.augment.transplanted:
            picture, places, kind = self._transplanted(lesson, picture, places, rng)
        matrix = self._placing(lesson, places, kind, rng)
        image, known = _cut(picture, places, matrix, self.recipe.crops.size)
        told = _crop_answers(known, answers(lesson, self.kinds), places)
        image, known, told = vary(image, known, told, self.recipe.augment, rng)
        return Crop(image, known, told)

    def _opened(self, number: int) -> _Opened:
        """Image and places of a lesson, from a cache bounded in bytes."""
        if number in self._cache:
            self._cache.move_to_end(number)
            return self._cache[number]
        lesson = self.lessons[number]
        opened = _Opened(open_image(lesson.sample.image), places(lesson, self.kinds))
        self._cache[number] = opened
        self._cached_bytes += opened.bytes
        while self._cached_bytes > _CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= self._cache.popitem(last=False)[1].bytes
        return opened

    def _transplanted(
        self, lesson: Lesson, picture: NDArray[np.uint8], places: Places, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], Places, str]:
        """A good part with a defect of another one of its dataset, if there is any that fits."""
        by_kind = self._donors.get(lesson.dataset)
        if by_kind:
            groups = by_kind[rng.integers(len(by_kind))]
            group = groups[rng.integers(len(groups))]
            donor = self._opened(group[rng.integers(len(group))])
            found = transplant(picture, donor.image, donor.places, rng)
            if found is not None:
                return *found, ANY
        return picture, places, GOOD

    def _placing(
        self, lesson: Lesson, places: Places, kind: str, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """The affine map (2, 3) from the image to the crop."""
        size = self.recipe.crops.size
        height, width = lesson.sample.size
        low, high = np.log(self.recipe.crops.zoom)
        zoom = float(np.exp(rng.uniform(low, high)))
        nowhere = lesson.sample.label is Label.DEFECTIVE and not lesson.sample.defects
        if nowhere or lesson.dataset in self._unlocated:
            # Somewhere in the picture is a defect: only the whole picture is sure to show it. Good
            # ones beside it are shown whole as well, or a small picture would mean a defect.
            zoom = min(zoom, size / max(height, width))
        centre = self._centre(places, kind, lesson.sample.size, size / zoom, rng)
        return _turned(centre, zoom, size, self.recipe.augment, rng)

    def _centre(
        self,
        places: Places,
        kind: str,
        image: Size,
        reach: float,
        rng: np.random.Generator,
    ) -> tuple[float, float]:
        """Where in the image (x, y) the crop is centred; near a defect more often than not."""
        channel = 0 if kind in (GOOD, ANY) else 1 + self.kinds.index(kind)
        if kind != GOOD and rng.random() < self.recipe.crops.on_defect:
            marked = np.flatnonzero(np.isin(places[channel], (DEFECT, SOMEWHERE)))
            if marked.size:
                row, column = divmod(int(marked[rng.integers(marked.size)]), image.width)
                across, down = rng.uniform(-0.4, 0.4, size=2) * reach
                return (
                    _inside(column + across, image.width, reach),
                    _inside(row + down, image.height, reach),
                )
        x, y = rng.uniform(0, image.width), rng.uniform(0, image.height)
        return _inside(x, image.width, reach), _inside(y, image.height, reach)


def _inside(centre: float, length: int, reach: float) -> float:
    """A centre moved so that the crop covers as much of the image as it can."""
    return length / 2 if length <= reach else float(np.clip(centre, reach / 2, length - reach / 2))


def _turned(
    centre: tuple[float, float],
    zoom: float,
    size: int,
    augment: AugmentRecipe,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    turns = int(rng.integers(1, 4)) * 90.0 if rng.random() < augment.right_angles else 0.0
    angle = np.deg2rad(turns + rng.uniform(-augment.tilt, augment.tilt) * (rng.random() < 0.5))
    flip = np.array([1.0, 1.0])
    if augment.flips:
        flip = rng.choice([-1.0, 1.0], size=2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = zoom * turn * flip
    # The centre is told from the pixels' edges; the map is between their middles.
    offset = size / 2 - 0.5 - linear @ (np.array(centre) - 0.5)
    return np.column_stack([linear, offset])


def _cut(
    image: NDArray[np.uint8], places: Places, matrix: NDArray[np.float64], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Image and places resampled once, mirrored beyond the image's border."""
    border = cv2.BORDER_REFLECT_101
    zoom = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if zoom < _SHARP_ZOOM:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), 0.5 / zoom), dtype=np.uint8)
    cut = np.empty((size, size, 3), dtype=np.uint8)
    cv2.warpAffine(image, matrix, (size, size), cut, cv2.INTER_LINEAR, border)
    known = np.full((len(places), size, size), CLEAN, dtype=np.uint8)
    done: dict[int, NDArray[np.uint8]] = {}
    for channel, pixels in zip(places, known, strict=True):
        if id(channel) in done:
            pixels[:] = done[id(channel)]
        elif channel.any():
            cv2.warpAffine(channel, matrix, (size, size), pixels, cv2.INTER_NEAREST, border)
        done[id(channel)] = pixels
    return cut, known


def _crop_answers(
    known: NDArray[np.uint8], whole: NDArray[np.float32], places: Places
) -> NDArray[np.float32]:
    """What is known of the crop as a whole, from its pixels where they are known.

    A crop that shows a sliver of a defect is neither an example of it nor free of it.
    """
    told = np.full(len(known), np.nan, dtype=np.float32)
    for channel, pixels in enumerate(known):
        shown = np.count_nonzero(pixels == DEFECT)
        if shown:
            all_of_it = int(np.count_nonzero(places[channel] == DEFECT))
            if shown >= min(_CLEAR_PIXELS, all_of_it) or shown >= _CLEAR_SHARE * all_of_it:
                told[channel] = 1.0
        elif (pixels == CLEAN).all():
            told[channel] = 0.0
        elif (pixels == SOMEWHERE).sum() > _CLEAR_SHARE * (places[channel] == SOMEWHERE).sum():
            told[channel] = whole[channel]
        elif not (pixels == SOMEWHERE).any() and not (places[channel] == CLEAN).any():
            # Nobody said where, and the whole picture is shown.
            told[channel] = whole[channel]
    return told


def _unlocated(lessons: Sequence[Lesson]) -> frozenset[str]:
    """Datasets in which nobody looked where the defects are."""
    defective = [one for one in lessons if one.sample.label is Label.DEFECTIVE]
    located = {one.dataset for one in defective if one.sample.defects}
    return frozenset({one.dataset for one in defective} - located)


def _by_kind(
    lessons: Sequence[Lesson], wanted: Callable[[Lesson], bool]
) -> dict[str, dict[str, _Groups]]:
    """Numbers of the wanted lessons by dataset, by what they show, and by group."""
    found: dict[str, dict[str, dict[str, list[int]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    for number, lesson in enumerate(lessons):
        if wanted(lesson):
            group = lesson.sample.group or lesson.sample.id
            for kind in _shown(lesson):
                found[lesson.dataset][kind][group].append(number)
    return {
        dataset: {
            kind: tuple(tuple(numbers) for numbers in groups.values())
            for kind, groups in by_kind.items()
        }
        for dataset, by_kind in found.items()
    }


def _gives_defects(lesson: Lesson) -> bool:
    """Whether there are defects, and all are known to the pixel."""
    defects = lesson.sample.defects
    return bool(defects) and all(defect.mask is not None for defect in defects or ())


def _shelves(lessons: Sequence[Lesson], recipe: Recipe) -> list[_Shelf]:
    """Lessons by dataset and by what they show, with each shelf's weight."""
    shelves = []
    for dataset, by_kind in _by_kind(lessons, lambda _lesson: True).items():
        weight = recipe.crops.datasets.get(dataset, 1.0)
        defective = [kind for kind in by_kind if kind != GOOD]
        good = recipe.crops.good if defective else 1.0
        if GOOD not in by_kind:
            good = 0.0
        for kind, groups in by_kind.items():
            share = good if kind == GOOD else (1.0 - good) / len(defective)
            shelves.append(_Shelf(weight * share, groups, kind))
    return shelves


def _shown(lesson: Lesson) -> tuple[str, ...]:
    if lesson.sample.label is Label.GOOD:
        return (GOOD,)
    return lesson.sample.kinds or (ANY,)
