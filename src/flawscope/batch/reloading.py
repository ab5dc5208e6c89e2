"""A model file that is replaced while it is in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from flawscope.batch.stamps import stamp_of
from flawscope.errors import FlawscopeError
from flawscope.runtime import Inspector


class Reloading:
    """An inspector that is made anew once its model file has been replaced.

    What is in use has been read as a whole, so that nothing happens to it before.

    Args:
        path: of the model file.
        load: makes an inspector of it.

    Attributes:
        inspector: the one in use.

    Raises:
        FlawscopeError: of ``load``.
    """

    def __init__(self, path: Path, load: Callable[[Path], Inspector]) -> None:
        self._path = path
        self._load = load
        self._tried = self._seen = stamp_of(path)
        self.inspector = load(path)

    def look(self) -> Inspector | FlawscopeError | None:
        """Takes a new file, if there is one that has not changed since the look before.

        Returns:
            The new inspector; why the new file is refused, and the old inspector stays; or
            ``None`` if there is nothing new.
        """
        before, self._seen = self._seen, stamp_of(self._path)
        if self._seen is None or self._seen != before or self._seen == self._tried:
            return None
        self._tried = self._seen
        try:
            found = self._load(self._path)
        except FlawscopeError as error:
            return error
        if found.digest == self.inspector.digest:
            return None
        self.inspector = found
        return found
