"""What a file of results says of the run that it is of, in a small file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from flawscope import __version__
from flawscope.errors import ResultsError
from flawscope.files import write_text

Facts = Mapping[str, Any]
"""What makes the results what they are, by name: the model's digest, options; JSON values."""

_FORMAT = 1


def header_of(lines: Path) -> Path:
    """The file that holds the header of a file of lines."""
    return lines.with_name(f"{lines.name}.run.json")


class Header(BaseModel):
    """What all lines of a file have in common, and who wrote them."""

    model_config = ConfigDict(frozen=True)

    format: int
    written_by: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, facts: Facts) -> Self:
        """The header of a run that begins."""
        return cls(format=_FORMAT, written_by=f"flawscope {__version__}", facts=dict(facts))

    @classmethod
    def read(cls, path: Path) -> Self:
        """A header from its file.

        Raises:
            ResultsError: it cannot be read.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ResultsError(
                "cannot be read, so nobody knows how the results beside it were made",
                where=path,
                remedy="Copy it again beside them, or name another file for new results",
            ) from error

    def write(self, path: Path) -> None:
        """Writes it whole."""
        write_text(path, self.model_dump_json(indent=1) + "\n", lasting=True)


def refuse_other_facts(before: Facts, now: Facts, where: Path) -> None:
    """Refuses to go on with results that were made otherwise, naming what differs.

    Raises:
        ResultsError: some fact is another.
    """
    now = json.loads(json.dumps(dict(now)))
    differing = [
        f"{name} was {_shown(before.get(name))} and is {_shown(now.get(name))}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if differing:
        raise ResultsError(
            f"was begun otherwise: {'; '.join(differing)}",
            where=where,
            remedy="Go on with what it was begun with, or name another file",
        )


def _shown(fact: Any) -> str:
    text = fact if isinstance(fact, str) else json.dumps(fact)
    return f"{text[:12]}…" if len(text) == 64 else text  # a digest
