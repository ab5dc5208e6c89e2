"""What is known of addresses, kept on disk so that memory stays flat whatever their number."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import chain, islice
from typing import Self

from flawscope.errors import ResultsError

_IN_MEMORY = 20_000
"""Names that are sorted in memory; more are sorted on disk."""


def _database() -> sqlite3.Connection:
    """A nameless database that SQLite keeps in memory while it is small, else in a temporary file.

    It is gone when it is closed, or when the process ends, however that happens.
    """
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4096"):
        database.execute(f"PRAGMA {pragma}")
    return database


@contextmanager
def _keeping() -> Iterator[None]:
    """Says where there is no room for what is to be known."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise ResultsError(
            f"which parts were inspected cannot be kept in mind ({error})",
            where=os.environ.get("SQLITE_TMPDIR") or tempfile.gettempdir(),
            remedy="Make room for temporary files, or name another place in SQLITE_TMPDIR",
        ) from error


class Known:
    """Addresses, and a word on each. Two that share 128 bits of BLAKE2b would be one."""

    def __init__(self) -> None:
        self._database = _database()
        self._database.execute(
            "CREATE TABLE known (address BLOB PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forgets everything."""
        self._database.close()

    def add(self, address: str) -> bool:
        """Adds an address; ``False`` if it was known."""
        with _keeping():
            added = self._database.execute(
                "INSERT OR IGNORE INTO known VALUES (?, '')", (_digest(address),)
            )
        return added.rowcount == 1

    def state(self, address: str) -> str | None:
        """What was said of an address last; ``None`` if it is not known."""
        row = self._database.execute(
            "SELECT state FROM known WHERE address = ?", (_digest(address),)
        ).fetchone()
        return None if row is None else str(row[0])

    def put(self, address: str, state: str) -> None:
        """Says something of an address, in place of what was said before."""
        with _keeping():
            self._database.execute(
                "INSERT OR REPLACE INTO known VALUES (?, ?)", (_digest(address), state)
            )


def _digest(address: str) -> bytes:
    # As in columns of text, which know no names that are not Unicode.
    return blake2b(address.encode("utf-8", "backslashreplace"), digest_size=16).digest()


def in_order(names: Iterable[bytes]) -> Iterator[bytes]:
    """Names, sorted by their bytes; on disk if they are many."""
    names = iter(names)
    first = list(islice(names, _IN_MEMORY + 1))
    if len(first) <= _IN_MEMORY:
        yield from sorted(first)
        return
    database = _database()
    try:
        database.execute("CREATE TABLE names (name BLOB PRIMARY KEY) WITHOUT ROWID")
        rows = ((name,) for name in chain(first, names))
        del first
        with _keeping():
            database.execute("BEGIN")
            database.executemany("INSERT OR IGNORE INTO names VALUES (?)", rows)
        for (name,) in database.execute("SELECT name FROM names ORDER BY name"):
            yield bytes(name)
    finally:
        database.close()
