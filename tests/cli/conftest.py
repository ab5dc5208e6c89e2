"""A command line that runs in this process, and parts to run it on."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_parts import GOOD, REJECTED, REVIEWED, VERDICTS, Cli, draw_part

from flawscope.cli import main
from flawscope.values import Policy
from toy_models import write_model


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Runs one command line in an empty folder and gives its exit code."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return lambda *arguments: main([str(argument) for argument in arguments])


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder of five parts: three to accept, one to review, one to reject."""
    colours = {"accept": GOOD, "review": REVIEWED, "reject": REJECTED}
    folder = tmp_path / "parts"
    for name, verdict in VERDICTS.items():
        draw_part(folder / name, colours[verdict])
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, with room for review between accept and reject."""
    policy = Policy(accept_below=0.3, reject_above=0.8)
    return write_model(tmp_path_factory.mktemp("model") / "toy.flaw", policy=policy)
