"""What a link to a model file may look like, and where it leads."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit

from flawscope.errors import DownloadError

HUB = "https://huggingface.co"

_FORMS = (
    "Write https://HOST/PATH/MODEL.flaw or hf://OWNER/REPO/PATH/MODEL.flaw[@REVISION],"
    " with #sha256=HEX after it where the digest is known"
)
_SHA256 = re.compile(r"(?:sha256[:=])?([0-9a-f]{64})")
_PAGE = re.compile(r"(/(?:(?:datasets|spaces)/)?[^/]+/[^/]+)/blob/(.+)")
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a model file is to be had.

    Attributes:
        shown: the link as it was given, without its digest.
        url: what is asked for: ``https``, or ``http`` on this machine.
        digest: the sha256 that the file must have, in hex; ``None`` if nobody said.
        token: what the hub is to be shown; ``None`` for every other host.
    """

    shown: str
    url: str
    digest: str | None
    token: str | None

    @property
    def stem(self) -> str:
        """A file name without suffix: readable, plain, and another one for every URL."""
        name = unquote(urlsplit(self.url).path.rpartition("/")[2]).removesuffix(".flaw")
        plain = name if _PLAIN.fullmatch(name) else "model"
        return f"{plain}-{sha256(self.url.encode()).hexdigest()[:16]}"


def read_link(text: str, digest: str | None = None) -> Link:
    """Reads a link of any of the known forms.

    Args:
        text: ``https://…``, ``hf://owner/repo/path[@revision]``, or a hub's page about a file;
            after ``#sha256=`` the digest.
        digest: sha256 in hex, beside the link.

    The environment's ``HF_ENDPOINT`` names another hub, and ``HF_TOKEN`` what it is to be shown.

    Raises:
        DownloadError: it is none of these, or two digests contradict each other.
    """
    shown, hash_sign, fragment = text.strip().partition("#")
    inside = _digest_of(fragment, shown) if hash_sign else None
    beside = _digest_of(digest, "--sha256") if digest is not None else None
    if inside and beside and inside != beside:
        raise DownloadError(
            f"the link says sha256 {inside}, and --sha256 says {beside}",
            where=shown,
            remedy="Give the one that the model's author states",
        )
    hub = _hub()
    url = _hub_url(shown, hub) if shown.startswith("hf://") else shown
    refuse_url(url, shown)
    url = _file_behind_page(url, hub)
    token = os.environ.get("HF_TOKEN", "").strip()
    at_hub = urlsplit(url)[:2] == urlsplit(hub)[:2]
    return Link(shown, url, inside or beside, token if token and at_hub else None)


def refuse_url(url: str, where: str) -> None:
    """Raises DownloadError unless a URL is ``https``, or ``http`` to this very machine."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise DownloadError(f"not a link ({error})", where=where, remedy=_FORMS) from error
    if parts.scheme == "http" and host and not _is_this_machine(host):
        raise DownloadError(
            "http:// is neither private nor protected against changes on the way",
            where=where,
            remedy="Use https://; http:// is for servers on this machine",
        )
    if parts.scheme not in ("https", "http") or not host or re.search(r"[\s\x00-\x1f]", url):
        raise DownloadError("not a link that flawscope knows", where=where, remedy=_FORMS)
    if parts.username is not None or parts.password is not None:
        raise DownloadError(
            "a link with a user name or password in it would end up in logs",
            where=where.replace(parts.netloc, parts.netloc.rpartition("@")[2]),
            remedy="Use a link without them; for the hub, set HF_TOKEN",
        )


def _digest_of(text: str, where: str) -> str:
    found = _SHA256.fullmatch(text.strip().lower())
    if not found:
        raise DownloadError(
            f"{text!r} is not a sha256",
            where=where,
            remedy="Give its 64 hexadecimal digits, in the link as #sha256=HEX",
        )
    return found[1]


def _hub() -> str:
    hub = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB
    refuse_url(hub, "HF_ENDPOINT")
    return hub


def _hub_url(shown: str, hub: str) -> str:
    place, at_sign, revision = shown.removeprefix("hf://").rpartition("@")
    if not at_sign:
        place, revision = revision, "main"
    owner, _, rest = place.partition("/")
    repo, _, path = rest.partition("/")
    if not (owner and repo and path and revision) or "@" in place or path.endswith("/"):
        raise DownloadError(
            "this does not name a file on the hub",
            where=shown,
            remedy="Write hf://OWNER/REPO/PATH/MODEL.flaw[@REVISION]",
        )
    places = f"{quote(owner)}/{quote(repo)}/resolve/{quote(revision, safe='')}/{quote(path)}"
    return f"{hub}/{places}"


def _file_behind_page(url: str, hub: str) -> str:
    """The file that one of the hub's pages is about; any other URL as it is."""
    parts = urlsplit(url)
    page = _PAGE.fullmatch(parts.path)
    if page is None or parts[:2] not in (urlsplit(hub)[:2], urlsplit(HUB)[:2]):
        return url
    return parts._replace(path=f"{page[1]}/resolve/{page[2]}").geturl()


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
