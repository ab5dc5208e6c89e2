"""Trackers are told how a run goes; none of them can slow it down or stop it."""

from __future__ import annotations

import base64
import difflib
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from flawscope.errors import MissingExtraError, TrainingError
from flawscope.train import tracker_process
from flawscope.train.recipe import Recipe

FOLDER = "track"

_LONGEST_QUEUE = 256
"""Messages that wait for a tracker; what comes while so many do is dropped, from it alone."""

_PATIENCE = 10.0
"""Seconds that trackers get at the end of a run, all together, for what they still hold."""


def usable_trackers(names: Sequence[str]) -> tuple[str, ...]:
    """The trackers asked for, once each, in the order asked.

    Raises:
        TrainingError: there is no tracker of a name.
        MissingExtraError: its client is not installed.
    """
    for name in names:
        if name not in tracker_process.OPENERS:
            near = difflib.get_close_matches(name, tracker_process.OPENERS, 1)
            known = ", ".join(tracker_process.OPENERS)
            raise TrainingError(
                f"there is no tracker {name!r}",
                where="--track",
                remedy=f"Did you mean {near[0]!r}?" if near else f"Name one of {known}",
            )
        found = importlib.util.find_spec(name)
        if found is None or found.origin is None:  # A folder of that name is no package.
            raise MissingExtraError(f"--track {name}", name)
    return tuple(dict.fromkeys(names))


class Tracking:
    """The trackers of one run.

    Attributes:
        notes: what there is to say of them once they are closed.
    """

    def __init__(self) -> None:
        self._trackers: list[_Tracker] = []
        self.notes: list[str] = []

    def add(self, tracker: _Tracker) -> None:
        """Follows the run with one more."""
        self._trackers.append(tracker)

    def __bool__(self) -> bool:
        """Whether there is any tracker."""
        return bool(self._trackers)

    def rows(self, first: int, rows: Sequence[Mapping[str, float]]) -> None:
        """Tells rows of the journal that stand there from number ``first`` on."""
        self._tell([_row(number, row) for number, row in enumerate(rows, first)])

    def pictures(self, number: int, step: int, pictures: Mapping[str, bytes]) -> None:
        """Shows PNGs, by name, that belong to a row of the journal which is told next."""
        for name, png in pictures.items():
            text = base64.b64encode(png).decode("ascii")
            self._tell([{"row": number, "step": step, "picture": name, "png": text}])

    def end(self) -> None:
        """Lets trackers end, which they do by themselves; nothing may be told any more."""
        for tracker in self._trackers:
            tracker.tell(None)

    def close(self) -> None:
        """Waits a little for trackers that have not ended, and ends those that do not."""
        self.end()
        until = time.monotonic() + _PATIENCE
        try:
            for tracker in self._trackers:
                self.notes.extend(tracker.close(until))
        finally:
            for tracker in self._trackers:
                tracker.kill()

    def _tell(self, messages: list[dict[str, Any]]) -> None:
        for tracker in self._trackers:
            tracker.tell(messages)


def _row(number: int, row: Mapping[str, float]) -> dict[str, Any]:
    figures = {name: value for name, value in row.items() if name != "step"}
    return {"row": number, "step": row["step"], "figures": figures}


@contextmanager
def tracking(names: Sequence[str], out: Path, recipe: Recipe, title: str) -> Iterator[Tracking]:
    """Trackers that follow a run while the body goes on, kept in its folder.

    Args:
        names: as ``usable_trackers`` gives them.
        out: the run's folder.
        recipe: told to the trackers as the run's settings.
        title: what they call the run.
    """
    opening = {
        "title": title,
        "settings": dict(_flat(recipe.model_dump(mode="json"))),
    }
    following = Tracking()
    for name in names:
        try:
            following.add(_Tracker(name, out.resolve() / FOLDER / name, opening))
        except OSError as error:
            following.notes.append(f"{name}: could not be started ({error})")
    try:
        yield following
    finally:
        following.close()


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


class _Tracker:
    """A client in a process of its own, and the thread that feeds it."""

    def __init__(self, name: str, folder: Path, opening: dict[str, Any]) -> None:
        self._name = name
        self._folder = folder
        self._dropped = 0
        self._queue: SimpleQueue[Any] = SimpleQueue()
        folder.mkdir(parents=True, exist_ok=True)
        with folder.with_suffix(".log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a script of our own
                # -P: modules beside the script must not stand in for the client's own.
                [sys.executable, "-P", tracker_process.__file__, name, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                start_new_session=True,  # Deaf to Ctrl-C: it ends when the run has.
            )
        self.tell(opening)
        self._thread = Thread(target=self._feed, name=f"track {name}", daemon=True)
        self._thread.start()

    def tell(self, message: dict[str, Any] | list[dict[str, Any]] | None) -> None:
        """Puts a message in the queue, at once; ``None`` is the last one."""
        if message is not None and self._queue.qsize() >= _LONGEST_QUEUE:
            self._dropped += 1
        else:
            self._queue.put(message)

    def close(self, until: float) -> list[str]:
        """Waits for the process to end, and says how it went."""
        late = False
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            late = True
        self.kill()
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            said = stdout.read().decode("utf-8", "replace")
        return [f"{self._name}: {text}" for text in self._notes(late, said)]

    def kill(self) -> None:
        """Ends the process, if it has not ended, and the thread with it."""
        self._process.kill()
        self._process.wait()
        self._thread.join(1.0)

    def _feed(self) -> None:
        assert self._process.stdin is not None
        with suppress(OSError), self._process.stdin as pipe:  # The client may have failed.
            while (message := self._queue.get()) is not None:
                pipe.write(json.dumps(message).encode("ascii") + b"\n")
                pipe.flush()

    def _notes(self, late: bool, said: str) -> Iterator[str]:
        log = self._folder.with_suffix(".log")
        if late:
            yield f"still not done {_PATIENCE:.0f} s after the run, and ended. {self._remedy()}"
        elif self._process.returncode != 0:
            what = said or f"its process ended, see {log}"
            yield f"switched off ({what}). {self._remedy()}"
        else:
            yield said
            if self._dropped:
                yield f"too slow; {self._dropped} rows and pictures are missing there"

    def _remedy(self) -> str:
        rest = "the run itself has lost nothing, and the same command with --resume sends the rest"
        if self._name == "wandb":
            return f"What it has: wandb sync --include-online {self._folder}/wandb/*run-*; {rest}"
        return rest.capitalize()
