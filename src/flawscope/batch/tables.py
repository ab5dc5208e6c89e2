"""Lines of results as one Parquet file, by way of pyarrow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flawscope.batch.headers import Facts
from flawscope.batch.known import Known
from flawscope.batch.lines import Tell, read_lines
from flawscope.errors import MissingExtraError, ResultsError
from flawscope.files import written_whole

_METADATA = b"flawscope"

_GROUP_BYTES = 1 << 20
"""A row group holds about so many bytes of lines: what bounds the memory of writing it."""


def require_parquet() -> None:
    """Refuses to go on without pyarrow.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("a file of results that ends in .parquet", "parquet") from error


def write_parquet(path: Path, lines: Path, facts: Facts, tell: Tell | None = None) -> None:
    """Writes lines of results as a Parquet file, whole or not at all, a row group at a time.

    Columns are the keys of the lines, and null where a line has no such key; ``kinds`` and
    ``seconds`` are maps. The facts of the run are the file's metadata ``flawscope``, in JSON.
    A file that is there is added to: rows for lines whose ``id`` it does not have.

    Args:
        path: of the Parquet file.
        lines: the file of lines.
        facts: that all lines have in common.
        tell: is told how many bytes of lines are written.

    Raises:
        OSError: it cannot be written.
        ResultsError: some line is no result.
    """
    from pyarrow.parquet import ParquetFile, ParquetWriter

    schema = _schema().with_metadata({_METADATA: json.dumps(dict(facts))})
    size = lines.stat().st_size
    with (
        Known() as present,
        written_whole(path, lasting=True) as beside,
        ParquetWriter(beside, schema, compression="zstd") as writer,
    ):
        if path.exists():
            with ParquetFile(path) as before:
                for group in range(before.num_row_groups):
                    rows = before.read_row_group(group)
                    writer.write_table(rows.cast(schema))
                    for name in rows["id"].to_pylist():
                        present.add(name)
        for new, end in _groups(lines, present):
            writer.write_table(_table(new, schema))
            if tell is not None:
                tell("writing Parquet", end, size)


def read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    """Of every row of a Parquet file of results: ``id``, ``verdict`` and ``error``."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for rows in file.iter_batches(columns=["id", "verdict", "error"]):
            yield from rows.to_pylist()


def facts_of(path: Path) -> Facts:
    """The facts of the run that a Parquet file is of.

    Raises:
        ResultsError: it is no file of results.
    """
    import pyarrow
    from pyarrow.parquet import read_schema

    try:
        facts: Facts = json.loads((read_schema(path).metadata or {})[_METADATA])
    except (pyarrow.ArrowInvalid, KeyError, ValueError) as error:
        raise ResultsError(
            "is no file of results of flawscope's",
            where=path,
            remedy="Name another file",
        ) from error
    return facts


def _groups(lines: Path, present: Known) -> Iterator[tuple[list[dict[str, Any]], int]]:
    """Rows that go together and are not ``present``, and where the last of them ends."""
    rows: list[dict[str, Any]] = []
    start = end = 0
    for line, end in read_lines(lines):
        if present.add(line["id"]):
            rows.append(line)
        if end - start > _GROUP_BYTES:
            yield rows, end
            rows, start = [], end
    if rows:
        yield rows, end


def _table(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow

    return pyarrow.Table.from_pylist([_row(line) for line in rows], schema)


def _row(line: dict[str, Any]) -> dict[str, Any]:
    # A file name need not be Unicode, but a column of text must be.
    plain = {**line, "id": line["id"].encode("utf-8", "backslashreplace").decode()}
    return plain | {name: list(line[name].items()) for name in ("kinds", "seconds") if name in line}


def _schema() -> Any:
    import pyarrow as pa

    text, whole, real = pa.string(), pa.int32(), pa.float64()
    wholes = pa.list_(whole)
    defect = pa.struct(
        {
            "kind": text,
            "score": real,
            "box": wholes,
            "area_px": pa.int64(),
            "length_px": real,
            "width_px": real,
            "area_mm2": real,
            "length_mm": real,
            "width_mm": real,
            "outlines": pa.list_(pa.list_(wholes)),
            "mask": pa.struct({"size": wholes, "counts": wholes}),
        }
    )
    return pa.schema(
        {
            "id": text,
            "size": wholes,
            "verdict": text,
            "score": real,
            "kinds": pa.map_(text, real),
            "defects": pa.list_(defect),
            "reasons": pa.list_(text),
            "model": text,
            "seconds": pa.map_(text, real),
            "error": text,
        }
    )
