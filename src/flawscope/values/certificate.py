"""What a model file proves of the engines and precisions it may be run with."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Precision(StrEnum):
    """The numbers that a stage is computed with, the most precise first."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Frozen):
    """How far a choice may stray from PyTorch.

    Attributes:
        flips: verdicts that may differ, as a share of the pictures.
        drop: how far F1 or Dice may fall.
        overlap: the IoU that masks must have with PyTorch's.
    """

    flips: _Share = 0.001
    drop: _Share = 0.005
    overlap: _Share = 0.9


class Replay(_Frozen):
    """What came of one set of pictures, against the answers of PyTorch.

    Attributes:
        pictures: how many.
        flipped: ids of those that got another verdict.
        unguarded: ids of those that would have, had no tile been asked again.
        score_difference: the largest between scores, before any tile was asked again.
        kind_difference: likewise between probabilities of a kind.
        map_difference: the largest between the probabilities of a pixel.
        mask_iou: of the pixels that are defective with a probability of at least 0.5, over all
            pictures; ``None`` where no picture shows any.
        f1_change: of "defective", where truth is known.
        dice_change: of "any defect", where masks are known.
        asked_again: the share of pictures of which a tile was asked again in float32.
    """

    pictures: Annotated[int, Field(ge=1)]
    flipped: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()
    score_difference: _Share
    kind_difference: _Share
    map_difference: _Share
    mask_iou: _Share | None = None
    f1_change: float | None = None
    dice_change: float | None = None
    asked_again: _Share = 0.0


class Choice(_Frozen):
    """An engine, and a precision for each stage, that gave the same answers.

    Attributes:
        engine: its name.
        precisions: by stage.
        margin: a score or gated probability that lies no further than this from an edge of the
            policy is asked again in float32. In logits, so that it holds wherever the edge is put.
        replays: what came of each set of pictures: ``golden``, and ``validation`` where there was
            one.
    """

    engine: str
    precisions: Mapping[str, Precision]
    margin: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0
    replays: dict[str, Replay] = Field(default_factory=dict)

    @property
    def lowest(self) -> Precision:
        """The least precise of its precisions."""
        order = list(Precision)
        return max(self.precisions.values(), key=order.index)

    def __str__(self) -> str:
        kinds = set(self.precisions.values())
        if len(kinds) == 1:
            return f"{self.engine} in {min(kinds)}"
        stages = ", ".join(f"{stage} {one}" for stage, one in self.precisions.items())
        return f"{self.engine} ({stages})"


class Certificate(_Frozen):
    """The choices that were replayed, and where.

    Attributes:
        limits: that each of them kept.
        choices: at least one.
        machine: the processor it was made on.
        versions: of the engines and of PyTorch.
    """

    limits: Limits = Limits()
    choices: Annotated[tuple[Choice, ...], Field(min_length=1)]
    machine: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
