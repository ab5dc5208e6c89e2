"""A batch of inspections that becomes a Kaggle submission on its way to the screen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from flawscope.cli.console import note

if TYPE_CHECKING:
    from flawscope.batch import Outcome
    from flawscope.data.submission import Submission


@contextmanager
def submitted(
    outcomes: Iterable[Outcome],
    file: Path | None,
    images: Collection[str],
    kinds: Sequence[str],
) -> Iterator[Iterable[Outcome]]:
    """The outcomes, each written to a submission as it passes, if a file is named for one.

    The file is there once the body ends, and not at all if that fails.

    Raises:
        ModelFileError: the kinds of the model are no classes of the competition's.
        DatasetError: two images have one file name.
    """
    if file is None:
        yield outcomes
        return
    from flawscope.data.submission import require_distinct_names, steel_numbers, submission

    numbers = steel_numbers(kinds)
    require_distinct_names([Path(image) for image in images])
    note(f"classes: {', '.join(f'{number} is {kind}' for kind, number in numbers.items())}")
    with submission(file, numbers) as table:
        yield _listed(outcomes, table)


def _listed(outcomes: Iterable[Outcome], table: Submission) -> Iterator[Outcome]:
    for outcome in outcomes:
        name, found = PurePosixPath(outcome.id).name, outcome.inspection
        if found is None:
            table.add_unseen(name)
        else:
            table.add(name, found.size, found.defects)
        yield outcome
