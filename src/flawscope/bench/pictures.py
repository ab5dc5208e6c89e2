"""The pictures that are timed: parts that a model accepts, and parts that it locates defects in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from flawscope.errors import EvaluationError, FlawscopeError, ImageError
from flawscope.images import find_images, save_image
from flawscope.runtime import Failure, Inspector
from flawscope.synth import DEFECTS, render
from flawscope.values import Inspection, Size, Verdict

SHARES: Mapping[str, int] = {"0.02": 50, "0.05": 40, "0.2": 20, "1.0": 12}
"""Shares of defective parts, and how many parts long a line is that shows them; the shortest are
long enough that filling and draining the pipeline does not count."""

AS_THEY_COME = "as they come"

EACH = 4
TRIES = 60
QUALITY = 92  # of JPEG, as line cameras and published sets of strips have it

MOST_NAMED = 64
"""Pictures of a user's folder that are looked at, evenly drawn."""

Told = Callable[[float, str], None]
"""Told the share done, from 0 to 1, and of what."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file to be timed.

    Attributes:
        path: of the file.
        defective: whether it is not accepted.
    """

    path: Path
    defective: bool


@dataclass(frozen=True, slots=True)
class Mix:
    """A line of parts.

    Attributes:
        name: a key of ``SHARES``, or ``AS_THEY_COME``.
        pictures: in the order in which they come.
    """

    name: str
    pictures: tuple[Picture, ...]

    @property
    def share(self) -> float:
        """Of defective parts, from 0 to 1."""
        return sum(picture.defective for picture in self.pictures) / len(self.pictures)


@dataclass(frozen=True, slots=True)
class Trial:
    """What every side of a comparison is given.

    Attributes:
        good: pictures of parts that are accepted.
        defective: pictures of parts that are not.
        mixes: the lines made of them.
    """

    good: tuple[Picture, ...]
    defective: tuple[Picture, ...]
    mixes: tuple[Mix, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All of them, once."""
        return (*self.good, *self.defective)


def mixed(good: Sequence[Picture], defective: Sequence[Picture], share: str, length: int) -> Mix:
    """A line of parts in which the defective ones are evenly spread.

    Args:
        good: taken in turn.
        defective: taken in turn.
        share: of defective parts; ``share * length`` must be a whole number.
        length: of the line, in parts.

    Raises:
        ValueError: a line of this length cannot show this share.
    """
    count = round(float(share) * length)
    if abs(count - float(share) * length) > 1e-9:
        raise ValueError(f"{length} parts cannot show a share of {share}")
    line, used = [], 0
    for place in range(length):
        if (place + 1) * count // length > used:
            line.append(defective[used % len(defective)])
            used += 1
        else:
            line.append(good[(place - used) % len(good)])
    return Mix(share, tuple(line))


def rendered_trial(
    folder: Path, size: Size, inspectors: Sequence[Inspector], told: Told, tries: int = TRIES
) -> Trial:
    """Rendered parts that every inspector accepts, and ones in which each locates a defect.

    They are JPEG files, in colour. A part is kept only for what the models say of it, so that an
    accepted one costs what a good part costs (the screen alone, unless another look is wanted),
    and a defective one every stage and the search for defects.

    Args:
        folder: to write to.
        size: of the pictures.
        inspectors: that must agree.
        told: of the parts found.
        tries: parts of each sort that are rendered at most, until there are ``EACH`` that will do;
            fewer of these will do.

    Raises:
        EvaluationError: they agree on no part that is good, or on none that is defective.
        FlawscopeError: the size is too small to render.
    """
    found: dict[bool, list[Picture]] = {False: [], True: []}
    for seed in range(tries):
        for defective, kept in found.items():
            if len(kept) < EACH:
                path = _rendered(folder, seed, size, defective=defective)
                if all(_says(inspector, path, defective=defective) for inspector in inspectors):
                    kept.append(Picture(path, defective))
                else:
                    path.unlink()
        told(sum(map(len, found.values())) / (2 * EACH), "choosing pictures")
        if all(len(kept) == EACH for kept in found.values()):
            break
    for defective, kept in found.items():
        if not kept:
            raise EvaluationError(
                f"of {tries} rendered parts {'with' if defective else 'without'} a defect there is"
                f" none that is {'located' if defective else 'accepted'}",
                where=" and ".join(inspector.manifest.name for inspector in inspectors),
                remedy="Give pictures that the model knows, with --images DIR",
            )
    good, marked = tuple(found[False]), tuple(found[True])
    mixes = (mixed(good, marked, share, length) for share, length in SHARES.items())
    return Trial(good, marked, tuple(mixes))


def _rendered(folder: Path, seed: int, size: Size, *, defective: bool) -> Path:
    kinds = (DEFECTS[seed % len(DEFECTS)],) if defective else ()
    path = folder / f"{seed:02}-{'defective' if defective else 'good'}.jpg"
    save_image(render(seed, defects=kinds, size=size).image, path, quality=QUALITY)
    return path


def _says(inspector: Inspector, path: Path, *, defective: bool) -> bool:
    inspection = inspector.inspect(path)
    if not defective:
        return inspection.verdict is Verdict.ACCEPT
    locates = any(stage.channels for stage in inspector.manifest.stages)
    return _is_defective(inspection) and (bool(inspection.defects) or not locates)


def _is_defective(inspection: Inspection) -> bool:
    return inspection.verdict is not Verdict.ACCEPT


def named_pictures(
    folder: Path, inspector: Inspector, told: Told
) -> tuple[tuple[Picture, ...], tuple[FlawscopeError, ...]]:
    """A user's pictures, at most ``MOST_NAMED``, by what a model says of them, and what is broken.

    Args:
        folder: searched through for images.
        inspector: says which count as defective: those that it does not accept.
        told: of the pictures looked at.

    Raises:
        ImageError: there is no image, or none that can be read.
    """
    paths = list(find_images([folder]))
    if not paths:
        raise ImageError(
            "there is no image here", where=folder, remedy="Name a folder that holds some"
        )
    drawn = evenly(paths, MOST_NAMED)
    kept, broken = [], []
    for path, found in zip(drawn, inspector.inspect_many(drawn), strict=True):
        if isinstance(found, Failure):
            broken.append(found.error)
        else:
            kept.append(Picture(path, _is_defective(found.inspection)))
        told((len(kept) + len(broken)) / len(drawn), "looking at pictures")
    if not kept:
        raise broken[0]
    return tuple(kept), tuple(broken)


def named_trial(pictures: Sequence[Picture]) -> Trial:
    """A user's pictures as one line, as they come."""
    good = tuple(picture for picture in pictures if not picture.defective)
    defective = tuple(picture for picture in pictures if picture.defective)
    return Trial(good, defective, (Mix(AS_THEY_COME, tuple(pictures)),))


def evenly(things: Sequence[T], most: int) -> list[T]:
    """At most so many of them, evenly drawn, in order."""
    count = min(most, len(things))
    return [things[place * len(things) // count] for place in range(count)]
