"""Crops are cut in the process of the test: starting a second one takes longer than a tiny run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty-four parts with masks, half of them good."""
    from train_parts import masked_parts

    return masked_parts(tmp_path_factory.mktemp("data") / "parts")


@pytest.fixture(scope="module")
def one_process() -> Iterator[None]:
    """Loads batches without a worker."""
    from train_parts import in_one_process

    with in_one_process():
        yield
