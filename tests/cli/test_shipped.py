"""The model that ships, seen by somebody who has just installed the package."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_parts import Cli, strict_lines

from flawscope.bundle import CARD, Bundle, shipped_model
from flawscope.values import Precision


def test_it_is_small_and_says_what_it_is(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    model = Bundle.open(shipped_model())
    assert model.path.stat().st_size < 10_000_000
    assert len(model.read(CARD)) > 500
    assert model.manifest.licences
    assert model.manifest.metrics
    assert model.manifest.certificate is not None
    certified = {choice.lowest for choice in model.manifest.certificate.choices}
    assert certified >= {Precision.FLOAT32, Precision.INT8}
    assert cli("info") == 0
    assert model.digest in capsys.readouterr().out
    assert cli("doctor", "--json") == 0
    (machine,) = strict_lines(capsys.readouterr().out)
    assert machine["model"] == {"digest": model.digest, "error": None}


def test_the_demo_tells_good_from_bad(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("demo", "--out", "report") == 0
    capsys.readouterr()
    assert Path("report/index.html").is_file()
    assert cli("inspect", "report/parts", "--json") == 0
    rows = strict_lines(capsys.readouterr().out)
    # A good part's file is named after its surface alone.
    good = [row["verdict"] for row in rows if Path(row["id"]).stem.count("-") == 1]
    bad = [row["verdict"] for row in rows if Path(row["id"]).stem.count("-") > 1]
    assert good.count("accept") > len(good) / 2
    assert bad.count("accept") < len(bad) / 2
