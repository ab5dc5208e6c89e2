"""Comma-separated tables as spreadsheets save them, whatever their signs and line ends."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator

_DELIMITERS = ",;\t"
"""Spreadsheets take semicolons where the comma stands in numbers, and tabs for "Unicode text"."""

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def csv_text(data: bytes, errors: str = "strict") -> str:
    """The text of a table's bytes: UTF-16 where a byte order mark says so, else UTF-8.

    Raises:
        UnicodeDecodeError: it is neither; never with other ``errors``.
    """
    return data.decode("utf-16" if data.startswith(_UTF16) else "utf-8-sig", errors)


def csv_rows(text: str) -> Iterator[list[str]]:
    """The rows of a table, split at the sign that its first row has most of.

    Raises:
        csv.Error: it is no table.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    first = lines.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return csv.reader(io.StringIO(lines), delimiter=delimiter)
