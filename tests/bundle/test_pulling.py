"""Models from a link: whole and checked, whatever the server sends."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from pull_parts import KIB, QUICK, Models, fetch, partials, sha

from flawscope.bundle import Pulled, limits
from flawscope.bundle.downloading import Patience, UnreachableError
from flawscope.bundle.pulling import How, cache_folder, pull
from flawscope.errors import DownloadError, ModelFileError
from model_server import ModelServer, answer, hang, redirect, serve, serving


def test_a_model_is_pulled_once(server: ModelServer, cache: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    pulled = fetch(server, tell=lambda done, total: seen.append((done, total)))
    assert pulled.how is How.DOWNLOADED
    assert pulled.path.parent == cache
    assert seen[-1] == (len(server.data), len(server.data))
    assert fetch(server).how is How.UNCHANGED
    assert [code for code, _ in server.answered] == [200, 304]
    assert not partials(cache)


def test_a_known_digest_asks_nobody(server: ModelServer, models: Models) -> None:
    fetch(server, digest=sha(models[0]))
    assert fetch(server, digest=sha(models[0])).how is How.CACHED
    assert len(server.asked) == 1
    server.change(models[1])
    assert fetch(server, digest=sha(models[1])).how is How.DOWNLOADED


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(server: ModelServer, code: int) -> None:
    server.steps = [answer(code), answer(code)]
    fetch(server)
    assert len(server.asked) == 3


def test_tries_are_bounded_and_the_waits_grow(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("flawscope.bundle.downloading.sleep", waits.append)
    server.steps = [answer(503) for _ in range(4)] + [answer(503, retry_after=40)] * 9
    patience = Patience(tries=8, wait=1, longest_wait=30)
    with pytest.raises(UnreachableError, match="503 Service Unavailable, 8 times in a row"):
        pull(server.url, patience=patience)
    assert waits == [1, 2, 4, 8, 30, 30, 30]


def test_a_server_that_says_nothing_is_given_up(server: ModelServer) -> None:
    server.steps = [serve(cut=100 * KIB, stall=True), hang(), hang()]
    told: list[str] = []
    with pytest.raises(UnreachableError, match="stopped sending"):
        fetch(server, say=told.append)
    assert server.answered == [(200, 100 * KIB)]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (answer(404), "no such file"),
        (answer(410), "no such file"),
        (answer(403), "HF_TOKEN"),
        (answer(401), "HF_TOKEN"),
        (answer(418), "418"),
        (answer(304), "304"),
        (answer(200, b"<html>", content_type="text/html; charset=utf-8"), "a page"),
        (answer(200, b"PK", content_encoding="gzip"), "packs"),
        (answer(200, b"", content_length=limits.MOST_FILE_BYTES + 1), "over the limit"),
        (redirect("http://models.invalid/toy.flaw"), "https://"),
    ],
)
def test_what_will_not_pass_is_said_at_once(
    server: ModelServer, cache: Path, step: object, reason: str
) -> None:
    server.steps = [step]  # type: ignore[list-item]
    with pytest.raises(DownloadError, match=reason) as caught:
        fetch(server)
    assert caught.value.where == server.url
    assert caught.value.remedy
    assert len(server.asked) == 1
    assert not list(cache.glob("*.flaw")) + partials(cache)


def test_a_redirection_in_a_circle_ends(server: ModelServer) -> None:
    server.steps = [redirect(server.url) for _ in range(30)]
    with pytest.raises(DownloadError, match="redirects"):
        fetch(server)


def test_a_size_that_nobody_stated_is_bounded_too(
    server: ModelServer, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flawscope.bundle.partials.MOST_FILE_BYTES", 300 * KIB)
    server.steps = [serve(cut=len(server.data), content_length="")]
    with pytest.raises(DownloadError, match="over the limit"):
        fetch(server)
    assert not partials(cache)


def test_a_length_that_is_a_lie(server: ModelServer, cache: Path) -> None:
    size = len(server.data)
    server.steps = [serve(cut=size, content_length=size - 1000)]
    with pytest.raises(ModelFileError, match="damaged or cut short") as caught:
        fetch(server)
    assert caught.value.where == server.url
    server.steps = [serve(cut=size, ranges=False, content_length=size + 1000)] * 9
    with pytest.raises(UnreachableError, match=f"{size:,} bytes are here"):
        fetch(server)
    assert not list(cache.glob("*.flaw"))


def test_what_is_no_model_is_removed(server: ModelServer, cache: Path) -> None:
    server.steps = [answer(200, b"no model at all")]
    with pytest.raises(ModelFileError, match="not a model file"):
        fetch(server)
    assert not list(cache.glob("*.flaw")) + partials(cache)


def test_another_digest_is_named_and_its_file_removed(
    server: ModelServer, models: Models, cache: Path
) -> None:
    with pytest.raises(ModelFileError) as caught:
        fetch(server, digest=sha(models[1]))
    assert sha(models[0]) in str(caught.value)
    assert sha(models[1]) in str(caught.value)
    assert not list(cache.glob("*.flaw")) + partials(cache)
    assert len(server.asked) == 1


def test_another_digest_leaves_the_copy_that_was_there(server: ModelServer, models: Models) -> None:
    before = fetch(server)
    for change in (False, True):
        if change:
            server.change(models[1])
        with pytest.raises(ModelFileError, match="1" * 64):
            pull(server.url, digest="1" * 64, patience=QUICK)
        assert before.path.read_bytes() == models[0]


def test_a_changed_file_replaces_the_copy(server: ModelServer, models: Models) -> None:
    before = fetch(server)
    server.change(models[1])
    after = fetch(server)
    assert after.how is How.DOWNLOADED
    assert after.path == before.path


def test_a_copy_that_was_damaged_is_fetched_again(server: ModelServer) -> None:
    path = fetch(server).path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert fetch(server).how is How.DOWNLOADED


@pytest.mark.parametrize("trouble", ["no server", "503"])
def test_without_a_network_the_copy_will_do(models: Models, cache: Path, trouble: str) -> None:
    told: list[str] = []
    with serving(models[0]) as server:
        url = server.url
        fetch(server)
        server.steps = [answer(503) for _ in range(9)]
        if trouble == "503":
            pulled = pull(url, patience=QUICK, say=told.append)
    if trouble == "no server":
        with pytest.raises(UnreachableError, match="no connection"):
            pull(url, digest="1" * 64, patience=QUICK)
        pulled = pull(url, patience=QUICK, say=told.append)
    assert pulled.how is How.OFFLINE
    assert pulled.digest == sha(models[0])
    assert "may be out of date" in told[-1]


def test_a_copy_known_to_be_old_does_not_stand_for_the_new(
    server: ModelServer, models: Models
) -> None:
    fetch(server)
    server.change(models[1])
    server.steps = [serve(cut=100 * KIB), *[serve(cut=0)] * 9]
    with pytest.raises(UnreachableError, match="goes on"):
        fetch(server)
    server.steps = []
    fetch(server)
    assert server.answered[-1][0] == 206


def test_without_copy_or_network_the_error_says_so(models: Models, cache: Path) -> None:
    with serving(models[0]) as server:
        url = server.url
    with pytest.raises(UnreachableError, match="no connection to the server"):
        pull(url, patience=QUICK)


def test_ctrl_c_leaves_what_has_arrived(server: ModelServer, cache: Path) -> None:
    def press(done: int, _total: int | None) -> None:
        if done > 200 * KIB:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server, tell=press)
    (partial,) = cache.glob("*.partial")
    here = partial.stat().st_size
    assert 200 * KIB < here < len(server.data)
    left = {path.name for path in cache.iterdir() if path.suffix != ".lock"}
    assert left == {partial.name, f"{partial.name}.json"}
    fetch(server)
    assert server.answered[-1] == (206, len(server.data) - here)


def test_two_pulls_at_once_fetch_it_once(server: ModelServer) -> None:
    half = threading.Event()
    told: list[str] = []
    second = threading.Thread(target=lambda: results.append(fetch(server, say=told.append)))
    results: list[Pulled] = []

    def hold(done: int, _total: int | None) -> None:
        if done > 300 * KIB and not half.is_set():
            half.set()
            second.start()
            second.join(0.2)

    first = fetch(server, tell=hold)
    second.join(5)
    assert [first.how, results[0].how] == [How.DOWNLOADED, How.UNCHANGED]
    assert [code for code, _ in server.answered] == [200, 304]
    assert "another pull" in told[0]


def test_the_hub_is_found_and_only_it_is_shown_the_token(
    server: ModelServer, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", server.origin)
    monkeypatch.setenv("HF_TOKEN", "secret")
    with serving(models[0]) as files:
        server.steps = [redirect("/moved"), redirect(files.url)] * 2
        files.steps = [serve(cut=100 * KIB)]
        pulled = pull("hf://who/what/toy.flaw@v1", patience=QUICK)
        assert pulled.path.read_bytes() == models[0]
        paths = [path for path, _ in server.asked]
        assert paths == ["/who/what/resolve/v1/toy.flaw", "/moved"] * 2
        shown = {headers.get("authorization") for _, headers in server.asked}
        assert shown == {"Bearer secret"}
        assert len(files.asked) == 2
        assert files.headers_of(1)["range"] == f"bytes={100 * KIB}-"
        assert all("authorization" not in headers for _, headers in files.asked)
        pull(files.url, patience=QUICK)
        assert "authorization" not in files.headers_of(2)


def test_a_copy_is_written_where_it_is_wanted(server: ModelServer, tmp_path: Path) -> None:
    out = tmp_path / "new" / "model.flaw"
    assert fetch(server, out=out).path == out
    assert fetch(server).path != out


def test_the_cache_is_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    assert cache_folder() == cache.parent
    monkeypatch.delenv("FLAWSCOPE_CACHE")
    assert cache_folder().name in ("flawscope", "Cache")
    assert cache_folder().is_absolute()


def test_a_proxy_that_cannot_be_used_is_named(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("ALL_PROXY", "nonsense://example.org")
    with pytest.raises(DownloadError, match="ALL_PROXY"):
        fetch(server)
