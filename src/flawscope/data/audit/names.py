"""What file names say: families of names that differ in numbers only."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

_NUMBER = re.compile(r"\d+")
_CUT_OUT = re.compile(r"(crop|patch|roi|copy|aug|rot|flip)[-_ ]?$", re.IGNORECASE)

_DIGEST = re.compile(r"[0-9a-f]{8,}", re.IGNORECASE)

_UNIQUE_SHARE = 0.9
_FAMILIES_OF_DIGESTS = 0.25

Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Images whose names differ in their numbers only.

    Folders do not count, as one part's images may lie in folders of different kinds; unless names
    come again in several folders, when each folder counts for itself.

    Attributes:
        template: the name with ``#`` for each number.
        numbers: by id, the numbers in its name.
    """

    template: str
    numbers: Mapping[str, Key]

    def varying(self) -> tuple[int, ...]:
        """Positions of the numbers that are not the same in all names."""
        columns = zip(*self.numbers.values(), strict=True)
        return tuple(i for i, values in enumerate(columns) if len(set(values)) > 1)

    def ordered(self, position: int) -> list[str]:
        """Ids in order of the number at a position; then of the others, then of the id."""
        return sorted(self.numbers, key=lambda id_: (self.numbers[id_][position], id_))

    def distinct(self, position: int) -> int:
        """How many different numbers there are at a position."""
        return len({numbers[position] for numbers in self.numbers.values()})

    def sharing(self, positions: Sequence[int]) -> list[list[str]]:
        """Ids that have the same numbers at these positions, together."""
        found: dict[Key, list[str]] = defaultdict(list)
        for id_ in sorted(self.numbers):
            found[tuple(self.numbers[id_][i] for i in positions)].append(id_)
        return list(found.values())

    def cut_outs(self) -> tuple[int, ...]:
        """Positions of numbers that count pieces or copies of one photograph (``crop_2``)."""
        before = self.template.split("#")
        return tuple(i for i, text in enumerate(before[:-1]) if _CUT_OUT.search(text))


def families(ids: Iterable[str]) -> list[Family]:
    """Families of image names, in order of template.

    Names that are digests, as of the published Severstal set, say nothing: they have no family.
    """
    stems = {id_: PurePosixPath(id_).stem for id_ in ids}
    digests = _digests(stems.values())
    found: dict[str, dict[str, Key]] = defaultdict(dict)
    for id_, stem in stems.items():
        if stem not in digests:
            numbers = tuple(int(text) for text in _NUMBER.findall(stem))
            found[_NUMBER.sub("#", stem)][id_] = numbers
    return [
        family
        for template in sorted(found)
        for family in _by_folder(Family(template, found[template]))
    ]


def _digests(stems: Iterable[str]) -> set[str]:
    """Names of hexadecimal digits, where their letters are as random as their numbers."""
    found = {stem for stem in stems if _DIGEST.fullmatch(stem)}
    templates = {_NUMBER.sub("#", stem) for stem in found}
    return found if len(templates) > max(1.0, _FAMILIES_OF_DIGESTS * len(found)) else set()


def _by_folder(family: Family) -> list[Family]:
    if len(set(family.numbers.values())) >= _UNIQUE_SHARE * len(family.numbers):
        return [family]
    folders: dict[str, dict[str, Key]] = defaultdict(dict)
    for id_, numbers in family.numbers.items():
        folders[str(PurePosixPath(id_).parent)][id_] = numbers
    return [Family(family.template, folders[folder]) for folder in sorted(folders)]
