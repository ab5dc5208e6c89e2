"""One file over HTTP, in as many pieces as the connection allows."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flawscope.bundle.links import Link, refuse_url
from flawscope.bundle.partials import Partial, PieceError, Record, Tell
from flawscope.errors import DownloadError

if TYPE_CHECKING:
    from httpx2 import Client, Request, Response, TransportError

Say = Callable[[str], None]
"""Is told in words what the user should know meanwhile."""

_PASSING = {408, 429, 500, 502, 503, 504}
_NOTABLE = 1 << 16
"""Bytes that a try must bring to count as progress, so that the tries are bounded by the size."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server is borne with.

    Attributes:
        tries: that bring nothing new, in a row, until it is given up.
        tries_with_copy: the same, as long as a copy from an earlier pull would do.
        wait: seconds before the second try, doubled before every other.
        longest_wait: seconds; also if the server asks for more.
        timeout: seconds without a byte, or until there is a connection.
    """

    tries: int = 5
    tries_with_copy: int = 2
    wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 30.0


class UnreachableError(DownloadError):
    """A server that did not answer, or a connection that broke too often."""


class _PassingError(Exception):
    """What may be over in a moment.

    Args:
        why: in words.
        wait: seconds that the server asks for.
    """

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


def download(
    link: Link, partial: Partial, known: Record | None, patience: Patience, tell: Tell, say: Say
) -> bool:
    """Fetches a file, going on where an earlier try or run was cut.

    Args:
        link: what is fetched.
        partial: what is here of it, and where it goes.
        known: of the copy that is already here whole, if there is one.
        patience: how long to bear with the server.
        tell: is told how far it is.
        say: is told of every try that failed.

    Returns:
        Whether there is a new file; ``False`` if the known copy is still what the server has.

    Raises:
        UnreachableError: the connection broke too often; ``partial`` stays for the next run.
        DownloadError: the server refuses, or what it sends is no model file.
    """
    vain = furthest = 0
    with _client(link, patience) as client:
        while True:
            try:
                return _fetch(client, link, partial, known, tell)
            except _PassingError as trouble:
                vain += 1
                if partial.size >= furthest + _NOTABLE:
                    vain, furthest = 1, partial.size
                spare = known is not None and not partial.answered
                if vain >= (patience.tries_with_copy if spare else patience.tries):
                    raise _given_up(link, partial, str(trouble), vain) from trouble
                wait = max(patience.wait * 2 ** (vain - 1), trouble.wait)
                wait = min(wait, patience.longest_wait)
                say(f"{trouble}; trying again in {wait:.0f} s")
                sleep(wait)


def refuse_hop(link: Link, url: str) -> None:
    """Raises DownloadError for a redirection that leaves what the link promises."""
    here, there = urlsplit(link.url), urlsplit(url)
    if here.scheme == "https" and there.scheme != "https":
        raise DownloadError(
            f"leads on to {there.scheme}://{there.hostname}, where it is not protected",
            where=link.shown,
            remedy="Use a link that stays on https://",
        )
    refuse_url(url, link.shown)


def _client(link: Link, patience: Patience) -> Client:
    """A client that speaks for a link.

    Raises:
        DownloadError: the proxy that the environment names cannot be used.
    """
    import httpx2

    def check(request: Request) -> None:
        refuse_hop(link, str(request.url))

    headers = {"User-Agent": "flawscope", "Accept-Encoding": "identity"}
    if link.token:
        headers["Authorization"] = f"Bearer {link.token}"  # httpx drops it for another host
    try:
        return httpx2.Client(
            headers=headers,
            timeout=patience.timeout,
            follow_redirects=True,
            max_redirects=10,
            event_hooks={"request": [check]},
        )
    except (ImportError, ValueError, httpx2.InvalidURL) as error:
        raise DownloadError(
            f"the proxy that this environment names cannot be used ({error})",
            where=link.shown,
            remedy="Check HTTPS_PROXY and ALL_PROXY",
        ) from error


def _fetch(client: Client, link: Link, partial: Partial, known: Record | None, tell: Tell) -> bool:
    """One try.

    Raises:
        _PassingError: another try may do better.
        DownloadError: no other try would.
    """
    import httpx2

    headers = {**_unless(known), **partial.wanted()}
    try:
        with client.stream("GET", link.url, headers=headers) as response:
            if response.status_code == 304 and known is not None:
                return False
            if response.status_code == 416:
                partial.discard()
            _refuse_answer(response, link)
            partial.take(response, link.shown, tell)
    except PieceError as error:
        raise _PassingError(str(error)) from error
    except (
        httpx2.DecodingError,
        httpx2.InvalidURL,
        httpx2.LocalProtocolError,
        httpx2.TooManyRedirects,
    ) as error:
        raise DownloadError(
            f"cannot be fetched ({error})", where=link.shown, remedy="Check the link"
        ) from error
    except httpx2.TransportError as error:
        raise _PassingError(_in_words(error, link)) from error
    return True


def _unless(known: Record | None) -> dict[str, str]:
    """Headers that ask for the file only if it is another one than the known."""
    if known is None:
        return {}
    conditions = {"If-None-Match": known.etag, "If-Modified-Since": known.modified}
    return {name: value for name, value in conditions.items() if value}


def _refuse_answer(response: Response, link: Link) -> None:
    code, reason = response.status_code, response.reason_phrase
    answer = f"{code} {reason}".strip()
    if code in _PASSING or code == 416:
        asked = response.headers.get("retry-after", "")
        raise _PassingError(
            f"the server answers {answer}", float(asked) if asked.isdecimal() else 0.0
        )
    if code in (401, 403):
        raise DownloadError(
            f"the server does not hand it out ({answer})",
            where=link.shown,
            remedy="Check the link. If it needs a permission, ask for a link that needs none; on"
            " the Hugging Face Hub, set HF_TOKEN to a token that may read it",
        )
    if code not in (200, 206):
        gone = code in (404, 410)
        raise DownloadError(
            f"there is no such file ({answer})" if gone else f"the server answers {answer}",
            where=link.shown,
            remedy="Check the link",
        )
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/html":
        raise DownloadError(
            "not a model file: the link leads to a page",
            where=link.shown,
            remedy="Use the link of the file itself",
        )
    if response.headers.get("content-encoding", "identity") != "identity":
        raise DownloadError(
            "the server packs the file on its way, so that it cannot be checked",
            where=link.shown,
            remedy="Ask for a server that sends files as they are",
        )


def _in_words(error: TransportError, link: Link) -> str:
    """Why a try failed.

    Raises:
        DownloadError: another try would fail in the same way.
    """
    import httpx2

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise DownloadError(
                f"the server's certificate is not trusted ({cause.verify_message})",
                where=link.shown,
                remedy="Check this machine's clock and certificates; never pull past this",
            ) from error
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return f"there is no connection to the server ({error})"
    if isinstance(error, httpx2.TimeoutException):
        return "the server stopped sending"
    return "the connection was cut"


def _given_up(link: Link, partial: Partial, why: str, tries: int) -> UnreachableError:
    here = partial.size
    return UnreachableError(
        f"{why}, {tries} times in a row" + (f"; {here:,} bytes are here" if here else ""),
        where=link.shown,
        remedy="Check the network, and run the same command again"
        + (": it goes on where this one stopped" if here else ""),
    )
