"""The file of results, which is its own journal: whole lines, so that a killed run can go on."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any, Self

from filelock import FileLock

from flawscope.batch.headers import Facts, Header, header_of, refuse_other_facts
from flawscope.batch.known import Known
from flawscope.batch.lines import Tell, read_lines
from flawscope.batch.outcomes import Item
from flawscope.batch.sources import each_once
from flawscope.batch.tables import facts_of, read_parquet, require_parquet, write_parquet
from flawscope.errors import ResultsError
from flawscope.files import remove_partials, take_turn

StateOf = Callable[[Mapping[str, Any]], str]
"""What is to be known of a line's address."""

LINES, TABLE = ".jsonl", ".parquet"

_SECONDS_UNSAFE = 5.0
"""A power cut may cost the lines of so many seconds; the pictures are then inspected again."""


def _nothing(_line: Mapping[str, Any]) -> str:
    return ""


class Journal:
    """Results on their way to a file, and what of them is there already.

    A ``.jsonl`` file grows line by line. A ``.parquet`` file appears, whole, once the run is done;
    until then its lines are kept beside it. Only one process may write to either at a time.

    Attributes:
        results: the file that is wanted.
        facts: of the run.
        known: addresses that are done or under way.
        verdicts: how many of each the lines from before hold.
        failed: how many of these lines are errors.
    """

    def __init__(self, results: Path, facts: Facts) -> None:
        self.results = results
        self.facts = facts
        self.known = Known()
        self.verdicts: Counter[str] = Counter()
        self.failed = 0
        self._lines = _lines_of(results)
        self._is_table = results != self._lines
        self._header = header_of(self._lines)
        self._lock: FileLock | None = None
        self._file: FileIO | None = None
        self._end = 0
        self._synced = time.monotonic()

    @classmethod
    def begin(
        cls,
        results: Path,
        facts: Facts,
        *,
        resume: bool = False,
        state_of: StateOf | None = None,
        tell: Tell | None = None,
    ) -> Self:
        """Makes a file of results ready to take lines.

        Args:
            results: a ``.jsonl`` or ``.parquet`` file.
            facts: that all lines of the file have in common.
            resume: go on with what is there, if anything is; else a file that is there is refused.
            state_of: what is to be known of a line's address, when it is read again.
            tell: is told how many bytes from before have been read.

        Raises:
            ResultsError: there is such a file, another process writes to it, its lines were
                written with other facts, or it cannot be read or written.
        """
        journal = cls(results, facts)
        try:
            journal._start(resume, state_of or _nothing, tell)
        except OSError as error:
            journal.close()
            raise _not_begun(journal._lines, error) from error
        except BaseException:
            journal.close()
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def before(self) -> int:
        """How many pictures were done before."""
        return self.verdicts.total() + self.failed

    def left(self, items: Iterable[Item]) -> Iterator[Item]:
        """What has still to be done, each address once."""
        return each_once(items, self.known)

    def add(self, line: Mapping[str, Any]) -> None:
        """Writes the line of an outcome, whole or not at all.

        Raises:
            ResultsError: it cannot be written; the lines before it are whole.
        """
        if self._file is None:
            raise ResultsError("this journal is closed", where=self.results)
        data = memoryview((json.dumps(line, allow_nan=False) + "\n").encode())
        whole = self._end + len(data)
        try:
            while data:
                data = data[self._file.write(data) :]
            self._end = whole
            if time.monotonic() - self._synced > _SECONDS_UNSAFE:
                self._sync()
        except OSError as error:
            self._file.truncate(self._end)
            self._file.seek(self._end)
            raise _unwritable(self._lines, error) from error

    def finish(self, tell: Tell | None = None) -> None:
        """Ends the journal of a run that is done; a Parquet file is written now.

        Raises:
            ResultsError: it cannot be written; its lines are kept, to go on with.
        """
        self._close_file()
        if not self._is_table:
            return
        try:
            if self._end:
                write_parquet(self.results, self._lines, self.facts, tell)
            self._lines.unlink()
            self._header.unlink()
        except OSError as error:
            raise _unwritable(self.results, error) from error

    def close(self) -> None:
        """Lets go of the file; what is in it is whole."""
        self._close_file()
        self.known.close()
        if self._lock is not None:
            self._lock.release()

    def _start(self, resume: bool, state_of: StateOf, tell: Tell | None) -> None:
        if self._is_table:
            require_parquet()
        self._lines.parent.mkdir(parents=True, exist_ok=True)
        self._take_turn()
        remove_partials(self.results)
        whole = self._is_table and self.results.exists()
        begun = self._lines.exists() and self._lines.stat().st_size > 0
        if (whole or begun) and not resume:
            raise ResultsError(
                "is there already",
                where=self.results if whole else self._lines,
                remedy="Go on with it by --resume, or name another file",
            )
        if whole:
            refuse_other_facts(facts_of(self.results), self.facts, self.results)
            for line in read_parquet(self.results):
                self._remember(line, state_of)
        if begun:
            refuse_other_facts(Header.read(self._header).facts, self.facts, self._lines)
            self._read_again(state_of, tell)
        else:
            Header.of(self.facts).write(self._header)
        self._file = FileIO(self._lines, "r+" if begun else "w")
        self._file.truncate(self._end)
        self._file.seek(self._end)

    def _take_turn(self) -> None:
        try:
            self._lock = take_turn(self._lines.with_name(f".{self._lines.name}.lock"))
        except BlockingIOError as error:
            raise ResultsError(
                "another flawscope is writing to it",
                where=self._lines,
                remedy="Wait until it ends, or name another file",
            ) from error

    def _read_again(self, state_of: StateOf, tell: Tell | None) -> None:
        size = self._lines.stat().st_size
        for line, end in read_lines(self._lines):
            # A run that was killed just before its end has left lines that are in its table.
            if not self._is_table or self.known.state(line["id"]) is None:
                self._remember(line, state_of)
            self._end = end
            if tell is not None:
                tell("reading what is done", end, size)

    def _remember(self, line: Mapping[str, Any], state_of: StateOf) -> None:
        self.known.put(line["id"], state_of(line))
        if line.get("error") is not None:
            self.failed += 1
        else:
            self.verdicts[line["verdict"]] += 1

    def _sync(self) -> None:
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def _close_file(self) -> None:
        """Closes the lines; one that was cut short by an interruption is taken away."""
        if self._file is None:
            return
        file, self._file = self._file, None
        with file:
            file.truncate(self._end)
            os.fsync(file.fileno())


def _lines_of(results: Path) -> Path:
    """Where the lines of a run are kept."""
    if results.suffix == LINES:
        return results
    if results.suffix == TABLE:
        return results.with_name(f"{results.name}{LINES}")
    raise ResultsError(
        f"{results.suffix or 'no suffix'} is no form of results",
        where=results,
        remedy=f"End its name in {LINES} or {TABLE}",
    )


def _not_begun(path: Path, error: OSError) -> ResultsError:
    return ResultsError(
        f"cannot be read or written ({error.strerror or error})",
        where=path,
        remedy="Name a file in a folder that you may write to",
    )


def _unwritable(path: Path, error: OSError) -> ResultsError:
    return ResultsError(
        f"cannot be written ({error.strerror or error}); what is in it is whole",
        where=path,
        remedy="Make room or name another disk, then give the same command with --resume",
    )
