"""What happened in a run, for machines and for people: ``metrics.jsonl`` and ``curves.html``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flawscope.errors import TrainingError
from flawscope.files import write_text
from flawscope.report import write_curves
from flawscope.train.checkpoint import Progress
from flawscope.train.examples import Examples
from flawscope.train.supervision import Lesson
from flawscope.train.tracking import Tracking
from flawscope.train.validating import Look

METRICS = "metrics.jsonl"
CURVES = "curves.html"


class Journal:
    """Rows of metrics, one JSON object a line, and their curves.

    Args:
        folder: of the run.
        rows: logged before a resumption; what was logged after the checkpoint is written over.
    """

    def __init__(self, folder: Path, rows: list[dict[str, float]]) -> None:
        self.folder = folder
        self.rows = rows
        self._tracking = Tracking()
        self._examples: Examples | None = None
        write_text(folder / METRICS, "".join(json.dumps(row) + "\n" for row in rows))

    def tell(self, trackers: Tracking, held_out: Sequence[Lesson], kinds: Sequence[str]) -> None:
        """Tells trackers too: what was logged so far, and from now on rows and pictures."""
        if trackers:
            self._tracking = trackers
            self._examples = Examples(held_out, kinds, trackers.notes)
            trackers.rows(0, self.rows)

    @property
    def look(self) -> Look | None:
        """To be shown what a validation finds, where there are trackers."""
        return self._examples.look if self._examples else None

    def log(self, progress: Progress, **figures: float) -> None:
        """Adds a row of figures at the step that the run has reached."""
        row = {"step": progress.step, "minutes": round(progress.seconds / 60, 3), **figures}
        if self._examples:
            self._tracking.pictures(len(self.rows), progress.step, self._examples.take())
        self._tracking.rows(len(self.rows), [row])
        self.rows.append(row)
        with _room_for(self.folder):
            with (self.folder / METRICS).open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            write_curves(self.rows, self.folder / CURVES, running=True)

    def close(self) -> None:
        """Writes the curves for the last time: the page no longer refreshes itself."""
        with _room_for(self.folder):
            write_curves(self.rows, self.folder / CURVES)
        self._tracking.end()


@contextmanager
def _room_for(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TrainingError(
            f"figures and curves cannot be written ({error.strerror or error})",
            where=folder,
            remedy="Make room, then go on from the last checkpoint with --resume",
        ) from error
