"""JSON of label files, parsed into checked models; what is wrong with one in a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flawscope.errors import DatasetError


def load_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DatasetError: it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DatasetError(f"cannot be read ({error.strerror})", where=path) from error
    except RecursionError as error:
        raise DatasetError("the JSON is nested too deeply", where=path) from error
    except ValueError as error:
        raise DatasetError(f"not valid JSON ({error})", where=path) from error


def fault(error: ValidationError) -> str:
    """The first thing wrong with a document: the key and what is wrong with it."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" and {error.error_count() - 1} more faults" if error.error_count() > 1 else ""
    return (f"{key}: " if key else "") + first["msg"].lower() + more
