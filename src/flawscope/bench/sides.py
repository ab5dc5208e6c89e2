"""What can be timed: anything that answers for a picture, from its file to the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Protocol

from flawscope.bench.pictures import Picture
from flawscope.runtime import Failure, Inspector


@dataclass(frozen=True, slots=True)
class Timing:
    """Wall time of one picture, in seconds: all of it, and by stage."""

    seconds: float
    stages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setup:
    """How models are run; the fields are those of ``Inspector.load``."""

    engine: str | None = None
    precision: str = "auto"
    threads: int | None = None
    streams: int | None = None

    def load(self, model: Path) -> Inspector:
        """A model, ready; errors as of ``Inspector.load``."""
        return Inspector.load(
            model,
            engine=self.engine,
            precision=self.precision,
            threads=self.threads,
            streams=self.streams,
        )

    def load_soonest(self, model: Path, inspector: Inspector) -> Inspector:
        """For one picture at a time: as many streams as are asked for, else one.

        Args:
            model: the model file.
            inspector: of it, loaded by this.
        """
        if self.streams is not None or inspector.streams == 1:
            return inspector
        return replace(self, engine=inspector.engine, streams=1).load(model)


class Side(Protocol):
    """One side of a comparison."""

    @property
    def name(self) -> str:
        """As people know it."""

    @property
    def warm_ups(self) -> int:
        """How many pictures of a sort it must have seen before it runs at its pace."""

    @property
    def sequential(self) -> bool:
        """Whether a line takes exactly the sum of what its pictures take one at a time."""

    def one(self, picture: Picture) -> Timing:
        """Answers for one picture, with nothing else in the works."""

    def line(self, pictures: Sequence[Picture]) -> float:
        """Seconds in which all of them are answered for, in order."""


@dataclass(frozen=True, slots=True)
class InspectorSide:
    """A model file.

    Attributes:
        inspector: for lines, which several streams get through sooner.
        soonest: for one picture at a time, which one stream answers soonest; by default the same.
    """

    inspector: Inspector
    soonest: Inspector | None = None
    warm_ups: int = 6  # a shape that comes for the fourth time gets a graph of its own
    sequential: bool = False

    @classmethod
    def of(cls, model: Path, setup: Setup) -> InspectorSide:
        """A model file, ready; errors as of ``Inspector.load``."""
        inspector = setup.load(model)
        return cls(inspector, setup.load_soonest(model, inspector))

    @property
    def name(self) -> str:
        """The model's name."""
        return self.inspector.manifest.name

    def one(self, picture: Picture) -> Timing:
        """From the file to the ``Inspection``."""
        start = perf_counter()
        inspection = (self.soonest or self.inspector).inspect(picture.path)
        return Timing(perf_counter() - start, inspection.seconds)

    def line(self, pictures: Sequence[Picture]) -> float:
        """From the first file to the last ``Inspection``.

        Raises:
            ImageError: a file can no longer be read.
        """
        start = perf_counter()
        for found in self.inspector.inspect_many(picture.path for picture in pictures):
            if isinstance(found, Failure):
                raise found.error
        return perf_counter() - start
