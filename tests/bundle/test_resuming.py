"""Downloads that are cut: gone on with where the file is still the same, else started over."""

from __future__ import annotations

from pathlib import Path

import pytest
from pull_parts import KIB, QUICK, Models, fetch, partials

from flawscope.bundle.downloading import UnreachableError
from flawscope.bundle.pulling import How
from model_server import ModelServer, answer, hang, serve


@pytest.mark.parametrize("validator", ["etag", "modified"])
def test_a_connection_that_is_cut_is_gone_on_with(server: ModelServer, validator: str) -> None:
    setattr(server, "modified" if validator == "etag" else "etag", None)
    server.steps = [serve(cut=100 * KIB) for _ in range(5)]  # more cuts than tries
    told: list[str] = []
    fetch(server, say=told.append)
    size = len(server.data)
    wanted = [f"bytes={100 * KIB * number}-" for number in range(1, 6)]
    assert [headers.get("range") for _, headers in server.asked[1:]] == wanted
    assert {headers["if-range"] for _, headers in server.asked[1:]} == {
        server.etag or server.modified
    }
    assert sum(sent for _, sent in server.answered) == size
    assert len(told) == 5
    assert "the connection was cut" in told[0]


def test_another_run_goes_on_where_the_last_one_gave_up(server: ModelServer, cache: Path) -> None:
    server.steps = [serve(cut=200 * KIB), hang(), hang()]
    with pytest.raises(UnreachableError, match="goes on where this one stopped") as caught:
        fetch(server)
    assert f"{200 * KIB:,} bytes are here" in str(caught.value)
    assert [path.stat().st_size for path in cache.glob("*.partial")] == [200 * KIB]
    assert not list(cache.glob("*.flaw"))
    fetch(server)
    assert server.answered[-1] == (206, len(server.data) - 200 * KIB)
    assert not partials(cache)


@pytest.mark.parametrize("said", ["nothing", "a weak name"])
def test_without_a_promise_of_equal_bytes_it_starts_over(server: ModelServer, said: str) -> None:
    server.etag, server.modified = (None if said == "nothing" else 'W/"first"'), None
    server.steps = [serve(cut=200 * KIB)]
    fetch(server)
    assert "range" not in server.headers_of(1)


def test_a_server_that_ignores_ranges_sends_it_all_again(server: ModelServer) -> None:
    server.steps = [serve(cut=200 * KIB), serve(ranges=False)]
    fetch(server)
    assert "range" in server.headers_of(1)


def test_a_server_that_cuts_at_the_same_byte_for_ever_is_given_up(server: ModelServer) -> None:
    server.steps = [serve(cut=200 * KIB, ranges=False) for _ in range(9)]
    with pytest.raises(UnreachableError):
        fetch(server)
    assert len(server.asked) == QUICK.tries


def test_a_file_that_changed_meanwhile_starts_over(server: ModelServer, models: Models) -> None:
    server.steps = [serve(cut=200 * KIB), *[hang()] * QUICK.tries]
    with pytest.raises(UnreachableError):
        fetch(server)
    server.change(models[1])
    server.steps = []
    fetch(server)
    assert server.answered[-1] == (200, len(models[1]))


def test_pieces_of_two_files_are_found_out_and_fetched_anew(
    server: ModelServer, models: Models
) -> None:
    """A server that gives two files one name."""
    server.steps = [serve(cut=200 * KIB), *[hang()] * QUICK.tries]
    with pytest.raises(UnreachableError):
        fetch(server)
    server.data, server.steps = models[1], []
    told: list[str] = []
    assert fetch(server, say=told.append).how is How.DOWNLOADED
    rest, whole = (206, len(models[1]) - 200 * KIB), (200, len(models[1]))
    assert server.answered == [(200, 200 * KIB), rest, whole]
    assert "the pieces do not fit together" in told[-1]


@pytest.mark.parametrize(
    "headers",
    [
        {"content_range": "bytes 0-9/10"},
        {"content_range": ""},
        {"etag": '"other"'},
        {"last_modified": "Wed, 04 Nov 2026 08:00:00 GMT"},
        {"content_range": f"bytes {200 * KIB}-999999/1000000"},
    ],
)
def test_a_piece_that_does_not_fit_is_not_used(
    server: ModelServer, headers: dict[str, str]
) -> None:
    server.steps = [serve(cut=200 * KIB), serve(**headers)]
    fetch(server)
    assert [code for code, _ in server.answered] == [200, 206, 200]


def test_a_server_that_has_less_than_is_here_is_asked_anew(server: ModelServer) -> None:
    server.steps = [serve(cut=200 * KIB), answer(416)]
    fetch(server)
    assert "range" not in server.headers_of(2)


@pytest.mark.parametrize("more", [b"", b"more than there is"])
def test_a_whole_partial_is_confirmed_by_its_last_byte(server: ModelServer, more: bytes) -> None:
    """As a power cut leaves it between the last byte and the renaming."""
    pulled = fetch(server)
    pulled.path.rename(pulled.path.with_suffix(".partial"))
    with pulled.path.with_suffix(".partial").open("ab") as stream:
        stream.write(more)
    pulled.path.with_name(f"{pulled.path.name}.json").rename(
        pulled.path.with_suffix(".partial.json")
    )
    told: list[str] = []
    assert fetch(server, say=told.append).how is How.DOWNLOADED
    assert server.answered[-1] == (206, 1)
    assert not told
