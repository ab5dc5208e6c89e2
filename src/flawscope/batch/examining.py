"""The engine of this process: addresses in, outcomes out, whatever happens to the files."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from flawscope.batch.fetching import fetched
from flawscope.batch.outcomes import Item, Outcome
from flawscope.batch.stamps import Stamp, stamp_of
from flawscope.errors import FlawscopeError, ImageError
from flawscope.images import named_range
from flawscope.runtime import Examination, Failure, Inspector
from flawscope.runtime.overlap import always

_LOOKS = 3
_SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True, slots=True)
class Scale:
    """What the pixels of all pictures of a run mean.

    Attributes:
        mm_per_pixel: scale, for sizes in millimetres.
        value_range: the values that are black and white, as for ``open_image``.
    """

    mm_per_pixel: float | None = None
    value_range: tuple[float, float] | None = None

    def facts(self) -> dict[str, Any]:
        """Of a run's results: what the environment says of value ranges is of them too.

        Raises:
            ImageError: it says nothing that can be read.
        """
        named = named_range()
        return asdict(self) | ({} if named is None else {"named_value_range": named})


@dataclass(frozen=True, slots=True)
class _Sent:
    """A picture that the inspector has been given."""

    id: str
    path: Path
    error: FlawscopeError | None
    stamp: Stamp | None
    fetched: bool


def examined(
    inspector: Inspector,
    items: Iterable[Item],
    *,
    scale: Scale | None = None,
    ready: Callable[[], bool] = always,
) -> Generator[Outcome, None, None]:
    """Inspects pictures in order, the next ones being opened or fetched meanwhile.

    What comes from an object store is fetched into a temporary folder, a few at a time. A file
    that changes while it is read is read again, up to three times.

    Args:
        inspector: looks at them.
        items: addresses, taken as they are needed; outcomes among them are passed through.
        scale: of the pictures.
        ready: whether the next item can be had without waiting for it, as of ``Ahead``; as long
            as it cannot, no outcome is held back.

    Raises:
        EngineError: the engine fails, which no other picture would cure.
    """
    scale = scale or Scale()
    sent: deque[_Sent] = deque()

    def paths() -> Iterator[Path]:
        for copy in fetched(items, leftovers, ready):
            stamp = None if copy.fetched else stamp_of(copy.path)
            sent.append(_Sent(copy.id, copy.path, copy.error, stamp, copy.fetched))
            yield copy.path

    with ExitStack() as leftovers:
        results = inspector.inspect_many(
            paths(), mm_per_pixel=scale.mm_per_pixel, value_range=scale.value_range, ready=ready
        )
        try:
            for result in results:
                one = sent.popleft()
                yield _settled(inspector, one, result, scale)
                if one.fetched:
                    one.path.unlink(missing_ok=True)
        finally:
            if isinstance(results, Generator):
                results.close()  # before what it takes its paths from


def _settled(
    inspector: Inspector, sent: _Sent, result: Examination | Failure, scale: Scale
) -> Outcome:
    """The outcome of a picture that stayed the same from before it was read until now."""
    if sent.error is not None:
        return Outcome(sent.id, error=sent.error)
    found = result if isinstance(result, Examination) else result.error
    stamp = sent.stamp
    for _ in range(_LOOKS - 1):
        now = None if sent.fetched else stamp_of(sent.path)
        if now is None or now == stamp:  # gone is not changed: it was read whole while it was here
            return _outcome(sent, found, stamp)
        time.sleep(_SECONDS_BETWEEN_LOOKS)
        stamp = stamp_of(sent.path)
        found = _looked_again(inspector, sent, scale)
    if stamp_of(sent.path) in (None, stamp):
        return _outcome(sent, found, stamp)
    error = ImageError(
        "changes while it is being read",
        where=sent.id,
        remedy="Inspect it once it is whole; flawscope watch waits for that",
    )
    return Outcome(sent.id, error=error, stamp=stamp)


def _looked_again(inspector: Inspector, sent: _Sent, scale: Scale) -> Examination | FlawscopeError:
    try:
        return inspector.examine(
            sent.path,
            id=sent.id,
            mm_per_pixel=scale.mm_per_pixel,
            value_range=scale.value_range,
        )
    except ImageError as error:
        return error


def _outcome(sent: _Sent, found: Examination | FlawscopeError, stamp: Stamp | None) -> Outcome:
    """Under the address that was asked for, not that of a copy."""
    if isinstance(found, FlawscopeError):
        if sent.fetched:
            found = FlawscopeError(found.what, where=sent.id, remedy=found.remedy)
        return Outcome(sent.id, error=found, stamp=stamp)
    inspection = found.inspection
    if inspection.id != sent.id:
        inspection = replace(inspection, id=sent.id)
        found = replace(found, inspection=inspection)
    return Outcome(sent.id, inspection, examination=found, stamp=stamp)
