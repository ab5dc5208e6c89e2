"""Which images show one part: what file names suggest, believed only as far as pixels agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from flawscope.data.audit.likeness import Plane, evened, likeness, unlikely
from flawscope.data.audit.looks import Look
from flawscope.data.audit.names import Family, families
from flawscope.data.audit.twins import Twins
from flawscope.data.progress import Progress, silent

_SMALLEST_FAMILY = 8
_NEXT = 6
_BAR_LOW, _BAR_TRUSTED = 0.6, 0.9
_SAMPLED_PAIRS = 400
_SERIES_AUC = 0.9
_FEWEST_SERIES = 4
_FEWEST_PAIRS = 10
_REACH_PRECISION, _REACH_ADVANTAGE = 0.8, 0.6
_CACHED_PLANES = 4096
_SURELY_COPIES = 0.99

Indices = NDArray[np.intp]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Grouping:
    """Images that seem to show one part.

    Attributes:
        groups: by id, the name of its group, which is the id of the group's first image.
        copies: the near copies, without those of parts that only look alike.
        reasons: what the groups rest on, in words.
    """

    groups: Mapping[str, str]
    copies: tuple[Twins, ...]
    reasons: tuple[str, ...]


@dataclass
class Joined:
    """Sets that grow together as links between ids are found."""

    parent: dict[str, str]
    reasons: list[str] = field(default_factory=list)

    def root(self, id_: str) -> str:
        """The first id, in order, of the set that this one belongs to."""
        while (above := self.parent[id_]) != id_:
            self.parent[id_] = self.parent[above]
            id_ = above
        return id_

    def join(self, sets: Iterable[Sequence[str]]) -> None:
        """Makes one set of all that share an id."""
        for ids in sets:
            for one, other in pairwise(ids):
                low, high = sorted((self.root(one), self.root(other)))
                self.parent[high] = low

    def groups(self) -> dict[str, str]:
        """By id, the first id of its set."""
        return {id_: self.root(id_) for id_ in self.parent}


class _Pictures:
    """Evened images by id, and how alike two are; the planes last compared are kept."""

    def __init__(self, looks: Mapping[str, Look], progress: Progress) -> None:
        self._looks = looks
        self._progress = progress
        self._compared = 0
        self._plane = lru_cache(_CACHED_PLANES)(self._evened)

    def _evened(self, id_: str) -> Plane:
        return evened(self._looks[id_].grey)

    def alike(self, pairs: Iterable[tuple[str, str]]) -> Floats:
        return np.array([self._likeness(*pair) for pair in pairs], np.float32)

    def _likeness(self, one: str, other: str) -> float:
        self._compared += 1
        self._progress("comparing pairs", self._compared, None)
        return likeness(self._plane(one), self._plane(other))


def sets_of(groups: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Groups of several images, the largest first, from the group of each id."""
    members: dict[str, list[str]] = defaultdict(list)
    for id_, name in groups.items():
        members[name].append(id_)
    several = [tuple(sorted(ids)) for ids in members.values() if len(ids) > 1]
    return sorted(several, key=lambda ids: (-len(ids), ids))


def find_groups(
    ids: Iterable[str],
    looks: Mapping[str, Look],
    twins: Sequence[Twins],
    progress: Progress = silent,
) -> Grouping:
    """Groups images that seem to show one part.

    Args:
        ids: of all images; one that has no look can only be grouped by its name.
        looks: what is known of the pixels, by id.
        twins: near copies, as ``near_copies`` finds them.
        progress: told of every comparison.
    """
    joined = Joined({id_: id_ for id_ in ids})
    pictures = _Pictures(looks, progress)
    series_of: dict[str, tuple[str, str]] = {}
    for family in families(joined.parent):
        _join_cut_outs(family, joined)
        seen = Family(
            family.template, {id_: n for id_, n in family.numbers.items() if id_ in looks}
        )
        if len(seen.numbers) >= _SMALLEST_FAMILY:
            for ids_ in _join_series(seen, pictures, joined):
                series_of.update((id_, (family.template, ids_[0])) for id_ in ids_)
            _join_runs(seen, pictures, joined)
    copies = tuple(twin for twin in twins if not _in_other_series(twin, series_of))
    joined.join((twin.first, twin.second) for twin in copies)
    if copies:
        joined.reasons.append(f"{len(copies)} pairs of images are near copies of each other")
    return Grouping(joined.groups(), copies, tuple(joined.reasons))


def _in_other_series(twins: Twins, series_of: Mapping[str, tuple[str, str]]) -> bool:
    # Places of one part photographed in turn look alike without being copies.
    if twins.likeness >= _SURELY_COPIES:
        return False
    one, other = series_of.get(twins.first), series_of.get(twins.second)
    return one is not None and other is not None and one[0] == other[0] and one != other


def _join_cut_outs(family: Family, joined: Joined) -> None:
    """Joins images whose names differ only in which piece of a photograph they hold."""
    pieces = family.cut_outs()
    whole = [i for i in range(family.template.count("#")) if i not in pieces]
    if not pieces or not whole:
        return
    sets = [ids for ids in family.sharing(whole) if len(ids) > 1]
    if sets:
        joined.join(sets)
        joined.reasons.append(
            f"{len(sets)} sets of names like {family.template} differ only in the number of a piece"
        )


def _join_series(family: Family, pictures: _Pictures, joined: Joined) -> list[list[str]]:
    """Joins images whose names differ in one running number, where those look alike.

    Believed when neighbours in such a series are more alike than images of different series, in
    at least 9 comparisons of 10.
    """
    found = []
    varying = family.varying()
    for running in varying:
        held = [i for i in varying if i != running]
        if not held or not _look_like_series(family.sharing(held), pictures):
            continue
        # A number that changes only now and then while the series run on (a session, a camera
        # setting) belongs to all of them and tells no parts apart.
        held = [i for i in held if not _in_blocks(family, i, running)] or held
        series = [ids for ids in family.sharing(held) if len(ids) > 1]
        joined.join(series)
        joined.reasons.append(
            f"{sum(map(len, series))} images named like {family.template} form {len(series)}"
            f" series along number {running + 1} of the name"
        )
        found += series
    return found


def _look_like_series(sets: Sequence[Sequence[str]], pictures: _Pictures) -> bool:
    rng = np.random.default_rng(0)
    inside = [pair for ids in sets for pair in pairwise(ids)]
    if len(inside) < _FEWEST_PAIRS or len(sets) < _FEWEST_SERIES:
        return False
    chosen = rng.permutation(len(inside))[:_SAMPLED_PAIRS]
    within = pictures.alike(inside[i] for i in chosen)
    across = pictures.alike(_across(sets, rng))
    return float(np.mean(within[:, None] > across[None, :])) >= _SERIES_AUC


def _across(sets: Sequence[Sequence[str]], rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    for _ in range(_SAMPLED_PAIRS):
        one, other = rng.choice(len(sets), 2, replace=False)
        yield (
            sets[one][int(rng.integers(len(sets[one])))],
            sets[other][int(rng.integers(len(sets[other])))],
        )


def _in_blocks(family: Family, position: int, running: int) -> bool:
    values = [family.numbers[id_][position] for id_ in family.ordered(running)]
    changes = sum(one != other for one, other in pairwise(values))
    return changes < family.distinct(position)


def _join_runs(family: Family, pictures: _Pictures, joined: Joined) -> None:
    """Joins images near in number that look alike; then, if numbers tell, those between them."""
    everyone = list(family.numbers)

    def compare(first: Indices, second: Indices) -> Floats:
        return pictures.alike(
            (everyone[i], everyone[j]) for i, j in zip(first, second, strict=True)
        )

    bar = unlikely(len(everyone), compare, low=_BAR_LOW, high=1.0)
    if bar > _BAR_TRUSTED:
        return  # all look alike: that two neighbours do says nothing
    for position in family.varying():
        if family.distinct(position) * 2 < len(everyone):
            continue  # hardly a running number
        ids = family.ordered(position)
        links = []
        for step in range(1, min(_NEXT, len(ids) - 1) + 1):
            pairs = list(zip(ids, ids[step:], strict=False))
            alike = pictures.alike(pairs) >= bar
            links += [pair for pair, linked in zip(pairs, alike, strict=True) if linked]
        if len(links) < _FEWEST_PAIRS:
            continue
        gaps = np.diff(np.array([family.numbers[id_][position] for id_ in ids], np.float64))
        reach = _reach(gaps, pictures.alike(pairwise(ids)) >= bar)
        if reach is not None:
            near = zip(pairwise(ids), gaps, strict=True)
            links += [pair for pair, gap in near if gap <= reach]
        joined.join(links)
        joined.reasons.append(_runs_reason(family, len(links), reach))


def _runs_reason(family: Family, links: int, reach: float | None) -> str:
    within = "" if reach is None else f"; numbers up to {reach:.0f} apart show one part"
    return f"{links} pairs named like {family.template} are near in number and look alike{within}"


def _reach(gaps: NDArray[np.float64], linked: NDArray[np.bool_]) -> float | None:
    """The gap in number that best tells one part's images from another's, if any does well.

    Args:
        gaps: between neighbours in number.
        linked: whether the two look alike.
    """
    if linked.sum() < _FEWEST_PAIRS or linked.all():
        return None
    order = np.argsort(gaps, kind="stable")
    gaps, linked = gaps[order], linked[order]
    # Only where the gap grows can a reach end; before that, equal gaps are still to come.
    ends = np.flatnonzero(np.append(np.diff(gaps) > 0, True))
    hits = np.cumsum(linked)[ends]
    misses = ends + 1 - hits
    advantage = hits / linked.sum() - misses / (~linked).sum()
    best = int(np.argmax(advantage))
    precise = hits[best] / (hits[best] + misses[best]) >= _REACH_PRECISION
    return float(gaps[ends[best]]) if precise and advantage[best] >= _REACH_ADVANTAGE else None
