"""A batch of inspections that becomes a Kaggle submission on its way to the screen."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flawscope.cli.console import note

if TYPE_CHECKING:
    from flawscope.data.submission import Submission
    from flawscope.runtime import Examination, Failure


@contextmanager
def submitted(
    results: Iterable[Examination | Failure],
    file: Path | None,
    images: Collection[Path],
    kinds: Sequence[str],
) -> Iterator[Iterable[Examination | Failure]]:
    """The results, each written to a submission as it passes, if a file is named for one.

    The file is there once the body ends, and not at all if that fails.

    Raises:
        ModelFileError: the kinds of the model are no classes of the competition's.
        DatasetError: two images have one file name.
    """
    if file is None:
        yield results
        return
    from flawscope.data.submission import require_distinct_names, steel_numbers, submission

    numbers = steel_numbers(kinds)
    require_distinct_names(images)
    note(f"classes: {', '.join(f'{number} is {kind}' for kind, number in numbers.items())}")
    with submission(file, numbers) as table:
        yield _listed(results, table)


def _listed(
    results: Iterable[Examination | Failure], table: Submission
) -> Iterator[Examination | Failure]:
    from flawscope.runtime import Failure

    for result in results:
        if isinstance(result, Failure):
            table.add_unseen(result.path.name)
        else:
            found = result.inspection
            table.add(Path(found.id).name, found.size, found.defects)
        yield result
