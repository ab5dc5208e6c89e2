"""Lines of results, read again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flawscope.errors import ResultsError

Tell = Callable[[str, int, int | None], None]
"""Is told what is being done, how far it is, and of how much."""


def read_lines(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """The whole lines of a file of results, each with where it ends; a last torn one is left out.

    Raises:
        ResultsError: some line is no result.
    """
    end = 0
    with path.open("rb") as file:
        for number, text in enumerate(file, start=1):
            if not text.endswith(b"\n"):
                return
            end += len(text)
            try:
                line = json.loads(text)
                known = isinstance(line["id"], str) and ("error" in line or "verdict" in line)
            except (ValueError, TypeError, KeyError):
                known = False
            if not known:
                raise ResultsError(
                    f"line {number} is no result of an inspection",
                    where=path,
                    remedy="Take that line out, or name another file",
                )
            yield line, end
