"""What inspects: an inspector of this process, or a crew of them elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from flawscope.errors import EngineError

if TYPE_CHECKING:
    from flawscope.batch import Crew, Item, Outcome, Scale
    from flawscope.runtime import Inspector

RAY = "ray"


class Examine(Protocol):
    """Items in, outcomes out; ``ready`` as of ``batch.examined``."""

    def __call__(
        self, items: Iterable[Item], /, *, ready: Callable[[], bool] = ...
    ) -> Generator[Outcome, None, None]:
        """Inspects pictures as they are taken."""


@contextmanager
def engaged(
    model: Path,
    scale: Scale,
    *,
    engine: str | None,
    precision: str,
    threads: int | None,
    streams: int | None,
    workers: int | None,
    pixels: bool,
) -> Iterator[tuple[Inspector | Crew, Examine]]:
    """Who inspects, and how: addresses in, outcomes out.

    Args:
        model: the file.
        scale: of the pictures.
        engine: its name; ``ray``, or ``ray:NAME`` for workers that each run on NAME.
        precision: for each inspector.
        threads: likewise.
        streams: for one of this process; those of Ray's have as many as suit their threads.
        workers: of Ray.
        pixels: whether outcomes must have theirs.

    Raises:
        EngineError: there are workers without Ray.
    """
    from flawscope.batch import Crew, examined
    from flawscope.runtime import Inspector

    name, _, inner = (engine or "").partition(":")
    if name == RAY:
        hired = Crew.hired(
            model, workers=workers, engine=inner or None, precision=precision, threads=threads
        )
        with hired as crew:
            yield crew, partial(crew.examined, scale=scale, pixels=pixels)
        return
    if workers is not None:
        raise EngineError(
            "one process inspects, unless Ray does", where="--workers", remedy="Add --engine ray"
        )
    inspector = Inspector.load(
        model, engine=engine, precision=precision, threads=threads, streams=streams
    )
    yield inspector, partial(examined, inspector, scale=scale)
