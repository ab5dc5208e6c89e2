"""Pictures of a web server that cuts connections, fetched by the library that users have."""

from __future__ import annotations

import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from batch_parts import BAD, GOOD, picture, verdict

from flawscope.batch import Sources, examined
from flawscope.runtime import Inspector

pytest.importorskip("aiohttp")

FOLDER = "parts"


class Cutting(SimpleHTTPRequestHandler):
    """Sends half of each file, then cuts the connection; the whole of it the second time."""

    asked: Counter[str] = Counter()  # noqa: RUF012 - one for all requests

    def do_GET(self) -> None:
        Cutting.asked[self.path] += 1
        file = Path(self.translate_path(self.path))
        if not file.is_file() or Cutting.asked[self.path] > 1:
            return super().do_GET()
        data = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True
        return None

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def list_directory(self, path: str | os.PathLike[str]) -> None:  # type: ignore[override]
        """An index with a link to the folder above, as most servers give."""
        names = sorted(f"{one.name}/" if one.is_dir() else one.name for one in Path(path).iterdir())
        links = [f'<a href="{name}">{name}</a>' for name in names]
        index = "\n".join(['<a href="/">Parent Directory</a>', *links]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(index)))
        self.end_headers()
        self.wfile.write(index)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where three pictures are, in a folder and in one below."""
    for name, colour in {"a.png": GOOD, "b.png": BAD, "deep/c.png": GOOD}.items():
        place = tmp_path / FOLDER / name
        place.parent.mkdir(parents=True, exist_ok=True)
        picture(place, colour)
    (tmp_path / FOLDER / "notes.txt").write_text("no picture")
    Cutting.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Cutting, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/{FOLDER}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_folder_of_a_web_server_is_gone_through_though_connections_break(
    address: str, inspector: Inspector
) -> None:
    outcomes = list(examined(inspector, Sources([f"{address}/"])))
    assert [(outcome.id, verdict(outcome)) for outcome in outcomes] == [
        (f"{address}/a.png", "accept"),
        (f"{address}/b.png", "reject"),
        (f"{address}/deep/c.png", "accept"),
    ]
    assert all(Cutting.asked[f"/{FOLDER}/{name}"] >= 2 for name in ("a.png", "b.png"))


def test_one_picture_of_a_web_server_and_one_that_is_not_there(
    address: str, inspector: Inspector
) -> None:
    places = [f"{address}/a.png", f"{address}/*.png"]
    found = [(one.id, verdict(one)) for one in examined(inspector, Sources(places))]
    assert found == [
        (f"{address}/a.png", "accept"),
        (f"{address}/a.png", "accept"),
        (f"{address}/b.png", "reject"),
    ]
