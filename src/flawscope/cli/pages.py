"""Pages of parts that keep arriving: each is ended once it is full, and another begun."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from flawscope.cli.batch import page_for, show_on
from flawscope.cli.console import note

if TYPE_CHECKING:
    from flawscope.batch import Outcome
    from flawscope.report import InspectionPage
    from flawscope.runtime import Inspector

_PARTS_A_PAGE = 1000


class Pages:
    """Pages in folders named after the time when they were begun.

    Args:
        out: the folder of these folders; ``None`` for no pages at all.
        model: the file that inspectors are loaded from.
        mm_per_pixel: for sizes in millimetres.
    """

    def __init__(self, out: Path | None, model: Path, mm_per_pixel: float | None) -> None:
        self._out = out
        self._model = model
        self._mm_per_pixel = mm_per_pixel
        self._opened: AbstractContextManager[InspectionPage | None] | None = None
        self._page: InspectionPage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opened is not None:
            self._opened.__exit__(None, None, None)

    def add(self, outcome: Outcome, inspector: Inspector) -> None:
        """Adds an outcome to the page that is open."""
        if self._out is None:
            return
        if self._page is None:
            folder = _new_folder(self._out)
            self._opened = page_for(folder, inspector, self._model, self._mm_per_pixel)
            self._page = self._opened.__enter__()
        if self._page is not None:
            show_on(self._page, outcome)
            if self._page.parts >= _PARTS_A_PAGE:
                self.finish()

    def finish(self) -> None:
        """Ends the page that is open, so that it can be read."""
        page, self._page = self._page, None
        if page is not None:
            note(f"page: {page.finish()}")


def _new_folder(out: Path) -> Path:
    """A folder that is not there yet; times are of this machine's clock, which may be set back."""
    name = time.strftime("%Y%m%d-%H%M%S")
    number = 1
    while True:
        folder = out / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder
