"""How many pictures a second a model will do here, from a few runs at their size."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawscope.bench.figures import composed
from flawscope.bench.pictures import QUALITY, SHARES, Picture, Told, rendered_trial
from flawscope.bench.sides import InspectorSide, Setup
from flawscope.bundle import Bundle, edited
from flawscope.errors import EvaluationError
from flawscope.images import save_image
from flawscope.runtime import Inspector
from flawscope.synth import render
from flawscope.values import Size

_TRIES = 12
_SECONDS = 1.0
_LEAST, _MOST = 4, 50

_Way = tuple[InspectorSide, Sequence[Picture]]

_ONCE = {"policy.second_look": None}
_ALWAYS_GOOD = {
    **_ONCE,
    "policy.turned_from": None,
    "policy.accept_below": 1.0,
    "policy.reject_above": 1.0,
}
_ALWAYS_LOCATED = {**_ONCE, "policy.accept_below": 0.0}
_UNGATED = {**_ALWAYS_LOCATED, "policy.gate": "none"}


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model will do with pictures of a size.

    Attributes:
        size: of the pictures.
        good_seconds: a part that is accepted, in a line of such parts.
        defective_seconds: a part that is located, in a line of such parts.
    """

    size: Size
    good_seconds: float
    defective_seconds: float

    @property
    def images_per_second(self) -> Mapping[str, float]:
        """By share of defective parts."""
        return {
            share: 1 / composed([self.good_seconds], [self.defective_seconds], float(share))
            for share in SHARES
        }


def predict(
    model: Path, size: Size, setup: Setup | None = None, told: Told = lambda _share, _words: None
) -> Prediction:
    """Times a few pictures of a size on both ways through a model, as ``compare`` would.

    Where the model accepts or locates none of a few rendered parts, as one that knows another
    surface, its policy is set aside: a good part is accepted whatever the model thinks of it, and a
    defective one is located everywhere, which takes a little longer than most parts do.

    Args:
        model: the model file.
        size: of the pictures.
        setup: how it is run.
        told: of progress.

    Raises:
        FlawscopeError: the size is too small to render.
        ModelFileError, EngineError: as for ``Inspector.load``.
    """
    setup = setup or Setup()
    side = InspectorSide(setup.load(model))
    with tempfile.TemporaryDirectory(prefix="flawscope-predict-") as name:
        folder = Path(name)
        try:
            trial = rendered_trial(folder, size, [side.inspector], told, tries=_TRIES)
        except EvaluationError:
            ways = _forced(model, folder, size, side.inspector)
        else:
            ways = ((side, trial.good), (side, trial.defective))
        told(1.0, "timing pictures")
        good, defective = (_pace(*way) for way in ways)
    return Prediction(size, good, defective)


def _forced(model: Path, folder: Path, size: Size, ready: Inspector) -> tuple[_Way, _Way]:
    """A part that is accepted and one that is located, by policies that leave no choice."""
    good, defective = (
        _rendered(folder / f"part-{len(kinds)}.jpg", kinds, size) for kinds in ((), ("scratch",))
    )
    turns = ready.manifest.policy.turned_from is not None

    def ruled(name: str, policy: Mapping[str, Any]) -> Inspector:
        bundle = Bundle.open(edited(model, folder / f"{name}.flaw", policy))
        return Inspector(bundle, ready.choice, ready.threads, ready.streams)

    accepting = ruled("accepting", _ALWAYS_GOOD)
    every = {"policy.turned_from": 0.0 if turns else None}
    locating = ruled("locating", {**_ALWAYS_LOCATED, **every})
    masks = {stage.name for stage in locating.manifest.stages if stage.channels}
    if masks and not masks & locating.inspect(defective.path).seconds.keys():
        locating = ruled("ungated", {**_UNGATED, **every})
    return (InspectorSide(accepting), (good,)), (InspectorSide(locating), (defective,))


def _rendered(path: Path, kinds: tuple[str, ...], size: Size) -> Picture:
    save_image(render(0, surface="rolled", defects=kinds, size=size).image, path, quality=QUALITY)
    return Picture(path, bool(kinds))


def _pace(side: InspectorSide, pictures: Sequence[Picture]) -> float:
    """Seconds a picture, in a line of them."""

    def line(count: int) -> float:
        return side.line([pictures[place % len(pictures)] for place in range(count)])

    line(side.warm_ups)
    alone = side.one(pictures[0]).seconds
    count = min(max(_LEAST, round(_SECONDS / alone)), _MOST)
    count = -(-count // len(pictures)) * len(pictures)  # each as often as the others
    return line(count) / count
