"""Where pulled models are kept, and what else need not be made twice."""

from __future__ import annotations

import os
from pathlib import Path

from flawscope.errors import ModelFileError


def cache_folder() -> Path:
    """The user's cache folder, or what ``FLAWSCOPE_CACHE`` names.

    Raises:
        ModelFileError: that is of a user whom nobody knows.
    """
    from platformdirs import user_cache_path

    named = os.environ.get("FLAWSCOPE_CACHE")
    try:
        if named:
            return Path(named).expanduser().absolute()
        return user_cache_path("flawscope", appauthor=False).absolute()
    except (RuntimeError, OSError) as error:
        raise ModelFileError(
            f"there is no folder to keep things in ({error})",
            where="FLAWSCOPE_CACHE",
            remedy="Set it to the full path of a folder",
        ) from error
