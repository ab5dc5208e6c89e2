"""A model file's certificate replayed on this machine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.bundle import Bundle
from flawscope.errors import EngineError
from flawscope.runtime.cascade import Cascade
from flawscope.runtime.engines import fitting_threads, installed_engines, precisions_of
from flawscope.runtime.golden import Golden, read_golden
from flawscope.runtime.replaying import compared, for_replay, replay, weighed
from flawscope.runtime.running import Running
from flawscope.values import Choice, Limits, Manifest, Replay

_MORE, _BESIDES = 1.5, 0.01
"""A difference may be this many times that of the certificate and so much more: another processor
rounds at other places, and the largest of few differences varies."""

_NAMED = 5
"""Flipped pictures that a message names."""

Report = Callable[[str, int, int | None], None]
"""Told what is done, how many pictures of it, and of how many."""


@dataclass(frozen=True, slots=True)
class Verified:
    """One choice of a certificate, on this machine.

    Attributes:
        choice: as the certificate says.
        replay: what came of the golden pictures here; ``None`` where it was not run.
        faults: how it differs from the certificate.
        unavailable: why it was not run.
    """

    choice: Choice
    replay: Replay | None = None
    faults: tuple[str, ...] = ()
    unavailable: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Of JSON's types."""
        return {
            "engine": self.choice.engine,
            "precisions": {name: str(one) for name, one in self.choice.precisions.items()},
            "same": None if self.replay is None else not self.faults,
            "faults": list(self.faults),
            "unavailable": self.unavailable,
            "replay": None if self.replay is None else self.replay.model_dump(mode="json"),
        }


def verify(
    path: Path,
    *,
    threads: int | None = None,
    report: Report = lambda _what, _done, _total: None,
) -> list[Verified]:
    """Replays every choice of a model file's certificate that this machine can run.

    Args:
        path: of the model file.
        threads: to compute with; by default every core.
        report: told how it goes.

    Returns:
        Each choice, in the order of the certificate.

    Raises:
        ModelFileError: the file is refused, or has no certificate.
        EngineError: this machine cannot run so many threads.
    """
    threads = fitting_threads(threads)
    bundle = Bundle.open(path)
    golden = read_golden(bundle)
    certificate = bundle.manifest.certificate
    choices = certificate.choices if certificate else ()
    limits = certificate.limits if certificate else Limits()
    checked = []
    for choice in choices:
        lack = _lack(choice)
        if lack:
            checked.append(Verified(choice, unavailable=lack))
            continue
        told = _counted(report, str(choice), 2 * len(golden.cases))
        checked.append(_verified(bundle, choice, golden, limits, threads, told))
    return checked


def _counted(report: Report, what: str, total: int) -> Callable[[], None]:
    count = itertools.count(1)
    return lambda: report(what, next(count), total)


def _lack(choice: Choice) -> str | None:
    if choice.engine not in installed_engines():
        return f"{choice.engine} is not installed"
    missing = set(choice.precisions.values()) - precisions_of(choice.engine)
    return f"this machine does not compute in {min(missing)}" if missing else None


def _verified(
    bundle: Bundle,
    choice: Choice,
    golden: Golden,
    limits: Limits,
    threads: int,
    told: Callable[[], None],
) -> Verified:
    try:
        found = replayed(bundle.manifest, bundle.read, choice, golden, threads=threads, told=told)
    except EngineError as error:
        return Verified(choice, faults=(str(error),))
    return Verified(choice, found, tuple(_faults(choice, found, limits)))


def replayed(
    manifest: Manifest,
    read: Callable[[str], bytes],
    choice: Choice,
    golden: Golden,
    *,
    threads: int,
    told: Callable[[], None] = lambda: None,
) -> Replay:
    """What comes of pictures with a choice of engine and precisions, beside the right answers.

    Raises:
        EngineError: the engine cannot run the model.
    """
    running = Running(manifest, read, choice, threads)
    graphs, guard = running.graphs(), running.guard()
    asked = for_replay(manifest)
    raw = weighed(Cascade(asked, graphs), golden.cases, told)
    said = replay(Cascade(asked, graphs, guard), golden.cases, told)
    return compared(golden.cases, golden.answers, said, raw, manifest.policy)


def _faults(choice: Choice, found: Replay, limits: Limits) -> Iterator[str]:
    if len(found.flipped) > limits.flips * found.pictures:
        yield flips_in_words(found)
    stated = choice.replays.get("golden")
    if stated is None:
        yield "the certificate says nothing of the golden pictures"
        return
    for name, word in (
        ("score_difference", "scores"),
        ("kind_difference", "probabilities of a kind"),
        ("map_difference", "probabilities of a pixel"),
    ):
        here, there = getattr(found, name), getattr(stated, name)
        if here > _MORE * there + _BESIDES:
            yield f"{word} differ from PyTorch's by up to {here:.4f}; certified are {there:.4f}"
    here, there = found.mask_iou, stated.mask_iou
    if here is not None and there is not None and here < there - 2 * _BESIDES:
        yield f"masks have an IoU of {here:.3f} with PyTorch's; certified are {there:.3f}"


def flips_in_words(found: Replay) -> str:
    """How many verdicts flipped, and of which pictures."""
    return f"{len(found.flipped)} of {found.pictures} verdicts flipped: {named(found.flipped)}"


def named(pictures: Sequence[str]) -> str:
    """The first few of some pictures."""
    more = len(pictures) - _NAMED
    return f"{', '.join(pictures[:_NAMED])}{f' and {more} more' if more > 0 else ''}"
