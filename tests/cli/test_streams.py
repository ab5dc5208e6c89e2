"""``--threads`` and ``--streams``: another pace, the same lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_parts import VERDICTS, Cli, strict_lines

ON = ("--engine", "onnxruntime")


def test_lines_are_the_same_and_in_order_however_many_at_a_time(
    cli: Cli, parts: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[list[dict[str, Any]]] = []
    for pace in (("--threads", "1"), ("--threads", "4", "--streams", "3"), ("--streams", "1")):
        assert cli("inspect", parts, "--model", model, "--json", *pace, *ON) == 0
        said.append([{**row, "seconds": 0} for row in strict_lines(capsys.readouterr().out)])
    assert [row["id"] for row in said[0]] == [(parts / name).as_posix() for name in VERDICTS]
    assert said[0] == said[1] == said[2]


def test_figures_are_the_same_however_many_at_a_time(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for streams in ("1", "2"):
        pace = ("--threads", "2", "--streams", streams)
        assert cli("evaluate", dataset, "--model", model, "--any-kind", "--json", *pace) == 0
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]


def test_no_streams_are_a_users_error(cli: Cli, parts: Path, model: Path) -> None:
    assert cli("inspect", parts, "--model", model, "--streams", "0", *ON) == 2
