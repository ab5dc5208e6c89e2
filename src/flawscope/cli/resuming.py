"""A file of results, begun or gone on with, as the command line shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flawscope.cli.console import counting, note

if TYPE_CHECKING:
    from flawscope.batch import Journal, StateOf


@contextmanager
def begun(
    results: Path,
    facts: Mapping[str, Any],
    *,
    resume: bool,
    state_of: StateOf | None = None,
) -> Iterator[Journal]:
    """The journal of a file of results; arguments and errors as for ``Journal.begin``."""
    from flawscope.batch import Journal

    with counting() as tell:
        journal = Journal.begin(results, facts, resume=resume, state_of=state_of, tell=tell)
    with journal:
        if journal.before:
            note(f"{journal.before:,} are done already, in {results}")
        yield journal


def maybe_begun(
    results: Path | None, facts: Mapping[str, Any], *, resume: bool
) -> AbstractContextManager[Journal | None]:
    """The same, or no journal where no file is named."""
    return nullcontext() if results is None else begun(results, facts, resume=resume)


def finish(journal: Journal) -> None:
    """Ends the journal of a run that is done, and says where the results are."""
    with counting() as tell:
        journal.finish(tell)
    note(f"results: {journal.results}")
