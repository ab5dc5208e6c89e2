"""How many pictures a second a model will do here, from a few runs at their size."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flawscope.bench.figures import composed
from flawscope.bench.pictures import SHARES, Picture
from flawscope.bench.sides import InspectorSide, Setup
from flawscope.bundle import edited
from flawscope.images import save_image
from flawscope.synth import render
from flawscope.values import Size

_QUALITY = 92
_SECONDS = 1.0
_LEAST, _MOST = 3, 50

_ALWAYS_GOOD = {"policy.accept_below": 1.0, "policy.reject_above": 1.0}
_ALWAYS_LOCATED = {"policy.accept_below": 0.0}
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


def predict(model: Path, size: Size, setup: Setup | None = None) -> Prediction:
    """Times a few pictures of a size on both ways through a model.

    One part is rendered, good and with a defect. The model's own policy decides nothing here: with
    one edge moved the first is accepted, with the other the second is located, whatever the model
    thinks of rendered parts.

    Args:
        model: the model file.
        size: of the pictures.
        setup: how it is run.

    Raises:
        FlawscopeError: the size is too small to render.
        ModelFileError, EngineError: as for ``Inspector.load``.
    """
    setup = setup or Setup()
    with tempfile.TemporaryDirectory(prefix="flawscope-predict-") as name:
        folder = Path(name)
        good, defective = (
            _rendered(folder / f"part-{len(kinds)}.jpg", kinds, size)
            for kinds in ((), ("scratch",))
        )
        accepting = InspectorSide(setup.load(edited(model, folder / "good.flaw", _ALWAYS_GOOD)))
        paces = _pace(accepting, good), _pace(_locating(model, defective, setup), defective)
    return Prediction(size, *paces)


def _rendered(path: Path, kinds: tuple[str, ...], size: Size) -> Path:
    save_image(render(0, surface="rolled", defects=kinds, size=size).image, path, quality=_QUALITY)
    return path


def _locating(model: Path, path: Path, setup: Setup) -> InspectorSide:
    """The model with a policy that locates defects in this part; a hard gate may bar the way."""
    inspector = setup.load(edited(model, path.with_name("gated.flaw"), _ALWAYS_LOCATED))
    masks = {stage.name for stage in inspector.manifest.stages if stage.channels}
    if masks and not masks & inspector.inspect(path).seconds.keys():
        inspector = setup.load(edited(model, path.with_name("ungated.flaw"), _UNGATED))
    return InspectorSide(inspector)


def _pace(side: InspectorSide, path: Path) -> float:
    """Seconds a picture, in a line of it."""
    picture = Picture(path, defective=True)
    side.line([picture] * side.warm_ups)
    alone = side.one(picture).seconds
    count = min(max(_LEAST, round(_SECONDS / alone)), _MOST)
    return side.line([picture] * count) / count
