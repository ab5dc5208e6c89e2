"""``flawscope train``: options handed on as they were given, results shown, Ctrl-C told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_parts import Cli

from flawscope.errors import RecipeError

pytest.importorskip("torch")
pytestmark = pytest.mark.train


class Run:
    """Stands in for the function that trains: keeps what it was called with."""

    def __init__(self, outcome: BaseException | None = None) -> None:
        self.outcome = outcome
        self.arguments: tuple[Any, ...] = ()
        self.options: dict[str, Any] = {}

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from flawscope.train import TrainedModel

        self.arguments, self.options = arguments, options
        options["report"](0.5, "step 10")
        if self.outcome is not None:
            raise self.outcome
        model = arguments[1] / "inspector.flaw"
        return TrainedModel(model, 20, 0.5, 0.75, {}, ("tiles: split by group",))


def stand_in(monkeypatch: pytest.MonkeyPatch, outcome: BaseException | None = None) -> Run:
    run = Run(outcome)
    monkeypatch.setattr("flawscope.train.train", run)
    return run


def test_options_reach_the_run(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = stand_in(monkeypatch)
    options = ("--recipe", "shared", "--set", "seed=3", "--set", "crops.size=320", "--resume")
    more = ("--from", "base.flaw", "--minutes", "2.5", "--split-file", "one.json")
    more += ("--track", "wandb", "--track", "tensorboard")
    assert cli("train", "tiles", "steel", "--out", "run", *options, *more) == 0
    assert run.arguments == ([Path("tiles"), Path("steel")], Path("run"))
    assert (
        run.options.items()
        >= {
            "recipe": "shared",
            "settings": ["seed=3", "crops.size=320"],
            "resume": True,
            "start_from": Path("base.flaw"),
            "minutes": 2.5,
            "split_files": [Path("one.json")],
            "track": ["wandb", "tensorboard"],
            "layout": None,
        }.items()
    )
    said = capsys.readouterr()
    assert "run/inspector.flaw" in said.out
    assert "0.7500" in said.out
    assert "tiles: split by group" in said.err


def test_a_stopped_run_says_how_to_go_on(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, KeyboardInterrupt())
    assert cli("train", "tiles", "--out", "run") == 130
    said = capsys.readouterr()
    assert not said.out
    assert "--resume goes on with run" in said.err


def test_a_misspelt_key_is_told_once(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, RecipeError("unknown key 'sed'", remedy="Did you mean seed?"))
    assert cli("train", "tiles", "--out", "run") == 2
    told = capsys.readouterr().err
    assert told.strip() == "error: unknown key 'sed'. Did you mean seed?"
