"""``flawscope pull``: the path on stdout, all else on stderr; stopped, it goes on the next time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_parts import Cli, strict_lines

from flawscope.bundle import Bundle
from model_server import ModelServer, answer, serve, serving


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("FLAWSCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("flawscope.bundle.downloading.sleep", lambda _seconds: None)
    return tmp_path / "cache" / "models"


@pytest.fixture
def server(model: Path, cache: Path) -> Iterator[ModelServer]:
    with serving(model.read_bytes()) as running:
        yield running


def test_pull_prints_the_path_and_nothing_else(
    cli: Cli, server: ModelServer, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.steps = [answer(503), serve(cut=1000)]
    assert cli("pull", server.url) == 0
    said = capsys.readouterr()
    path = Path(said.out.removesuffix("\n"))
    assert path.parent == cache
    assert path.read_bytes() == server.data
    assert "503 Service Unavailable; trying again" in said.err
    assert "the connection was cut" in said.err
    assert f"downloaded: 0.0 MB, sha256 {Bundle.open(path).digest}" in said.err
    assert cli("info", path) == 0


def test_pull_in_json(
    cli: Cli, server: ModelServer, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    digest = Bundle.open(model).digest
    for how in ("downloaded", "cached"):
        assert cli("pull", f"{server.url}#sha256={digest}", "--json") == 0
        (document,) = strict_lines(capsys.readouterr().out)
        assert Path(document.pop("path")).read_bytes() == server.data
        assert document == {
            "url": server.url,
            "digest": digest,
            "bytes": len(server.data),
            "how": how,
        }
    assert cli("pull", server.url, "--out", "mine.flaw", "--json") == 0
    (document,) = strict_lines(capsys.readouterr().out)
    assert document["path"] == "mine.flaw"


def test_pull_writes_a_copy(
    cli: Cli, server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("pull", server.url, "--out", "new/mine.flaw") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "wrote new/mine.flaw" in said.err
    assert Path("new/mine.flaw").read_bytes() == server.data
    assert cli("pull", server.url, "--out", "new") == 2
    assert len(server.asked) == 1


def test_pull_says_that_the_copy_may_be_old(
    cli: Cli, model: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(model.read_bytes()) as server:
        url = server.url
        assert cli("pull", url) == 0
    before = capsys.readouterr().out
    assert cli("pull", url) == 0
    said = capsys.readouterr()
    assert said.out == before
    assert "may be out of date" in said.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["http://example.org/m.flaw"], "Use https://"),
        (["m.flaw"], "Write https://HOST"),
        (["{url}", "--sha256", "1" * 64], f"not {'1' * 64}"),
        (["{url}", "--sha256", "1"], "64 hexadecimal digits"),
    ],
)
def test_pull_refuses_with_the_reason(
    cli: Cli,
    server: ModelServer,
    options: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli("pull", *(option.format(url=server.url) for option in options)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert told in said.err


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_pull_that_is_stopped_goes_on_the_next_time(
    cli: Cli, server: ModelServer, cache: Path, number: signal.Signals, code: int
) -> None:
    server.steps = [serve(cut=1000, stall=True)]
    command = [sys.executable, "-m", "flawscope", "pull", server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while not any(path.stat().st_size == 1000 for path in cache.glob("*.partial")):
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert out == b""
    assert (b"goes on where this one stopped" in err) == (number != signal.SIGKILL)
    (partial,) = cache.glob("*.partial")
    left = {path.name for path in cache.iterdir() if path.suffix != ".lock"}
    assert left == {partial.name, f"{partial.name}.json"}
    assert cli("pull", server.url) == 0
    assert server.answered[-1] == (206, len(server.data) - 1000)
