"""A command line that runs in this process, and parts to run it on."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from cli_parts import GOOD, REJECTED, REVIEWED, VERDICTS, Cli, draw_part

import flawscope
from flawscope.cli import main
from flawscope.images import save_image
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


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Six parts, each shot good, with a red flaw and with a green one; masks beside the images."""
    root = tmp_path / "tiles"
    mask = np.zeros((80, 100), dtype=np.uint8)
    mask[20:40, 30:60] = 255
    for part in range(6):
        draw_part(root / f"good/{part}.jpg", GOOD, part)
        for kind, colour in {"red": (255, 0, 0), "green": (0, 255, 0)}.items():
            draw_part(root / kind / f"{part}.jpg", colour, part)
            save_image(mask, root / kind / f"{part}.png")
    return root


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, with room for review between accept and reject."""
    policy = Policy(accept_below=0.3, reject_above=0.8)
    return write_model(tmp_path_factory.mktemp("model") / "toy.flaw", policy=policy)


@pytest.fixture
def without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra is not installed: what needs PyTorch is imported anew, in vain."""
    own = ("flawscope.train", "flawscope.nets", "flawscope.explain")
    for name in [name for name in sys.modules if name.startswith(own)]:
        if name in own:  # its package is told of the new one, and has to forget it again
            monkeypatch.setattr(flawscope, name.rpartition(".")[2], sys.modules[name])
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
