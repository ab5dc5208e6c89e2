"""Where pulled models are kept, and what else need not be made twice."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache folder, or what ``FLAWSCOPE_CACHE`` names."""
    from platformdirs import user_cache_path

    named = os.environ.get("FLAWSCOPE_CACHE")
    folder = Path(named).expanduser() if named else user_cache_path("flawscope", appauthor=False)
    return folder.absolute()
