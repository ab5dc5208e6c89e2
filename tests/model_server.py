"""A server on this machine that hands out one file, well or badly, and remembers what it was asked.

Its ``steps`` answer one request each, in order; when they are used up, it serves the file well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Callable[["_Handler"], None]


class ModelServer(ThreadingHTTPServer):
    """Serves ``data`` under every path.

    Attributes:
        data: the file.
        etag, modified: what is said of it; ``None`` is not said.
        steps: what answers the next requests.
        asked: path and headers (names in small letters) of every request so far.
        answered: status and the number of body bytes of every answer.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.data = data
        self.etag: str | None = '"first"'
        self.modified: str | None = "Mon, 02 Nov 2026 08:00:00 GMT"
        self.steps: list[Step] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answered: list[tuple[int, int]] = []
        self.closing = threading.Event()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/models/toy.flaw"

    def headers_of(self, number: int) -> dict[str, str]:
        return self.asked[number][1]

    def change(self, data: bytes) -> None:
        self.data, self.etag = data, '"second"'
        self.modified = "Tue, 03 Nov 2026 08:00:00 GMT"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ModelServer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
        steps = self.server.steps
        (steps.pop(0) if steps else serve())(self)

    def log_message(self, *_: Any) -> None:
        pass

    def reply(self, code: int, body: bytes = b"", **headers: str | int) -> None:
        """An answer whose length is stated unless ``content_length`` lies about it."""
        self.server.answered.append((code, len(body)))
        self.send_response(code)
        for name, value in {"content_length": len(body), **headers}.items():
            if value != "":
                self.send_header(name.replace("_", "-").title(), str(value))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def validators(self) -> dict[str, str]:
        said = {"etag": self.server.etag, "last_modified": self.server.modified}
        return {name: value for name, value in said.items() if value}


def serve(
    *, cut: int | None = None, ranges: bool = True, stall: bool = False, **headers: str | int
) -> Step:
    """The file, or what a Range asks for.

    Args:
        cut: the connection ends after so many bytes of the body.
        ranges: ``False`` ignores Range.
        stall: after ``cut`` bytes nothing more comes, but the connection stays.
        headers: to add or to replace.
    """

    def step(to: _Handler) -> None:
        server, asked = to.server, to.headers
        said = to.validators()
        same = [asked["If-None-Match"] == server.etag if asked["If-None-Match"] else None]
        if same == [None] and asked["If-Modified-Since"]:
            same = [asked["If-Modified-Since"] == server.modified]
        if same == [True]:
            to.reply(304, **said)
            return
        start, code = 0, 200
        if ranges and asked["Range"] and asked["If-Range"] in (server.etag, server.modified):
            start, code = int(asked["Range"].removeprefix("bytes=").removesuffix("-")), 206
            said["content_range"] = f"bytes {start}-{len(server.data) - 1}/{len(server.data)}"
        body = server.data[start:]
        length = {"content_length": len(body)}
        if cut is not None:
            body = body[:cut]
            to.close_connection = True
        to.reply(code, body, **{**length, **said, **headers})
        if stall:
            server.closing.wait(10)

    return step


def answer(code: int, body: bytes = b"", **headers: str | int) -> Step:
    """A status, whatever is asked."""
    return lambda to: to.reply(code, body, **headers)


def redirect(url: str) -> Step:
    """To another URL, as a hub sends its clients to where the bytes are."""
    return answer(302, location=url)


def hang() -> Step:
    """No answer at all."""

    def step(to: _Handler) -> None:
        to.close_connection = True
        to.server.closing.wait(10)

    return step


@contextmanager
def serving(data: bytes) -> Iterator[ModelServer]:
    """A server that runs in the body."""
    with ModelServer(data) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
