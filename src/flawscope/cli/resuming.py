"""A file of results, begun or gone on with, as the command line shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flawscope.cli.console import counting, note

if TYPE_CHECKING:
    from flawscope.batch import Journal


@contextmanager
def journal_of(
    results: Path | None, facts: Mapping[str, Any], *, resume: bool
) -> Iterator[Journal | None]:
    """The journal of a file of results, or none where no file is named.

    Raises:
        ResultsError: as for ``Journal.begin``.
    """
    if results is None:
        yield None
        return
    from flawscope.batch import Journal

    with counting() as tell:
        journal = Journal.begin(results, facts, resume=resume, tell=tell)
    with journal:
        if journal.before:
            note(f"{journal.before:,} are done already, in {results}")
        yield journal


def finish(journal: Journal) -> None:
    """Ends the journal of a run that is done, and says where the results are."""
    with counting() as tell:
        journal.finish(tell)
    note(f"results: {journal.results}")
