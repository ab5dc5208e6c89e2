"""Two models, a server for them, and a cache to pull them into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pull_parts import Models, model_of

from model_server import ModelServer, serving


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """Two models of one size."""
    folder = tmp_path_factory.mktemp("served")
    first = model_of(0, folder / "0.flaw")
    others = (model_of(seed, folder / f"{seed}.flaw") for seed in range(1, 99))
    return first, next(other for other in others if len(other) == len(first))


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of pulled models, empty, in an environment that says nothing else."""
    for name in ("HF_ENDPOINT", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("FLAWSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def server(models: Models, cache: Path) -> Iterator[ModelServer]:
    """Serves the first model."""
    with serving(models[0]) as running:
        yield running
