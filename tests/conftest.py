"""Fixtures for every floor."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from toy_models import FOUNDING, write_model

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background jobs, and all that they start, are deaf to Ctrl-C; tests of it are not.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests measure and fetch is not kept for the user, nor found again by the next run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLAWSCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of two stages: an encoder, and a decoder on its features."""
    return write_model(tmp_path_factory.mktemp("models") / "shared.flaw")


@pytest.fixture(scope="session")
def founding_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of four stages, each from the image: screen, kinds, and two that locate."""
    return write_model(tmp_path_factory.mktemp("models") / "founding.flaw", stages=FOUNDING)
