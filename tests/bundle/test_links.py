"""Links: each form leads where it should, and nothing else passes."""

from __future__ import annotations

import pytest

from flawscope.bundle.downloading import refuse_hop
from flawscope.bundle.links import read_link
from flawscope.errors import DownloadError

SHA = "0f" * 32


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.org/a/m.flaw?v=2", "https://example.org/a/m.flaw?v=2"),
        ("hf://who/what/m.flaw", "https://huggingface.co/who/what/resolve/main/m.flaw"),
        (
            "hf://who/what/deep/a b.flaw@refs/pr/1",
            "https://huggingface.co/who/what/resolve/refs%2Fpr%2F1/deep/a%20b.flaw",
        ),
        (
            "https://huggingface.co/who/what/blob/main/blob/m.flaw",
            "https://huggingface.co/who/what/resolve/main/blob/m.flaw",
        ),
        (
            "https://huggingface.co/datasets/who/what/blob/v1/m.flaw?download=true",
            "https://huggingface.co/datasets/who/what/resolve/v1/m.flaw?download=true",
        ),
        ("https://example.org/a/b/blob/main/m.flaw", "https://example.org/a/b/blob/main/m.flaw"),
        ("http://localhost:8000/m.flaw", "http://localhost:8000/m.flaw"),
        ("http://[::1]:8000/m.flaw", "http://[::1]:8000/m.flaw"),
    ],
)
def test_each_form_leads_to_the_file(text: str, url: str) -> None:
    link = read_link(f"{text}#sha256={SHA.upper()}")
    assert (link.url, link.digest, link.shown) == (url, SHA, text)
    assert read_link(text).digest is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://example.org/m.flaw", "https://"),
        ("http://127.0.0.1.example.org/m.flaw", "https://"),
        ("http://localhost@example.org/m.flaw", "https://"),
        ("ftp://example.org/m.flaw", "not a link"),
        ("file:///m.flaw", "not a link"),
        ("m.flaw", "not a link"),
        ("https:///m.flaw", "not a link"),
        ("https://[::1/m.flaw", "not a link"),
        ("https://example.org:99999/m.flaw", "not a link"),
        ("https://example.org/a\nb.flaw", "not a link"),
        ("hf://who/m.flaw", "OWNER/REPO"),
        ("hf://who/what/folder/", "OWNER/REPO"),
        ("hf://who/what/m.flaw@", "OWNER/REPO"),
        ("https://example.org/m.flaw#sha265=" + SHA, "not a sha256"),
        ("https://example.org/m.flaw#", "not a sha256"),
        ("https://example.org/m.flaw#sha256=0f0f", "not a sha256"),
    ],
)
def test_anything_else_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(DownloadError, match=reason) as caught:
        read_link(text)
    assert caught.value.remedy


def test_a_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(DownloadError, match="password") as caught:
        read_link("https://me:hunter2@example.org/m.flaw")
    assert "hunter2" not in str(caught.value)


def test_two_digests_must_agree() -> None:
    text = f"https://example.org/m.flaw#sha256={SHA}"
    assert read_link(text, f" sha256:{SHA} ").digest == SHA
    with pytest.raises(DownloadError, match="--sha256 says"):
        read_link(text, "1" * 64)
    with pytest.raises(DownloadError, match="not a sha256"):
        read_link("https://example.org/m.flaw", "")


def test_only_the_hub_is_shown_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    assert read_link("hf://who/what/m.flaw").token == "secret"
    assert read_link("https://huggingface.co/who/what/blob/main/m.flaw").token == "secret"
    assert read_link("https://huggingface.co.example.org/m.flaw").token is None
    assert read_link("https://huggingface.co:444/m.flaw").token is None
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.org/")
    inside = read_link("hf://who/what/m.flaw")
    assert inside.url == "https://hub.example.org/who/what/resolve/main/m.flaw"
    assert inside.token == "secret"
    assert read_link("https://huggingface.co/who/what/blob/main/m.flaw").token is None
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example.org")
    with pytest.raises(DownloadError, match="HF_ENDPOINT"):
        read_link("hf://who/what/m.flaw")


def test_a_redirection_never_leads_to_where_nothing_is_protected() -> None:
    link = read_link("https://example.org/m.flaw")
    refuse_hop(link, "https://files.example.org/m.flaw")
    for url in ("http://example.org/m.flaw", "http://127.0.0.1/m.flaw", "ftp://example.org/m.flaw"):
        with pytest.raises(DownloadError, match="leads on to"):
            refuse_hop(link, url)


def test_every_url_has_a_name_of_its_own_that_is_plain() -> None:
    urls = ("/a/m.flaw", "/b/m.flaw", "/a/m.flaw?v=2", "/%2e%2e%2fetc", "/", "/" + "n" * 300)
    stems = [read_link(f"https://example.org{url}").stem for url in urls]
    assert len(set(stems)) == len(stems)
    assert stems[0].startswith("m-")
    assert all(stem.replace("-", "").isalnum() and len(stem) < 100 for stem in stems)
