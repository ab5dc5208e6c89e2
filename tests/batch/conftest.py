"""The toy model, ready to look."""

from __future__ import annotations

from pathlib import Path

import pytest

from flawscope.runtime import Inspector


@pytest.fixture(scope="session")
def inspector(shared_model: Path) -> Inspector:
    return Inspector.load(shared_model, engine="onnxruntime", threads=1)
