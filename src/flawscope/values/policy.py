"""What is done with a model's probabilities; editable after training, without touching weights."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flawscope.values.parts import Verdict

Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Gate(StrEnum):
    """How the first two answers bear on the masks.

    A hard gate is a veto: the mask of a kind whose probability is under its threshold is dropped.
    A soft gate multiplies each mask's probabilities by its kind's. ``none`` leaves masks alone.
    """

    HARD = "hard"
    SOFT = "soft"
    NONE = "none"


class KindPolicy(BaseModel):
    """When a kind counts as shown.

    Attributes:
        probability: the kind's own probability must reach this.
        mask_probability: a pixel's probability must reach this to belong to a defect.
        smallest_area: a defect of fewer pixels is dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: Probability = 0.5
    mask_probability: Probability = 0.5
    smallest_area: Annotated[int, Field(ge=0)] = 0


class Policy(BaseModel):
    """From probabilities to a verdict.

    Attributes:
        defective_from: a score that reaches this means "defective" where only yes or no will do.
        accept_below: a part whose score is under this is accepted, and located no further.
        reject_above: a part whose score reaches this is rejected; between the two, reviewed.
        gate: how the kinds' probabilities bear on the masks.
        kinds: by kind, when it counts as shown.
        unnamed: when a defect that no known kind explains counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    defective_from: Probability = 0.5
    accept_below: Probability = 0.5
    reject_above: Probability = 0.5
    gate: Gate = Gate.HARD
    kinds: dict[str, KindPolicy] = Field(default_factory=dict)
    unnamed: KindPolicy = KindPolicy()

    @model_validator(mode="after")
    def _edges_in_order(self) -> Self:
        if self.accept_below > self.reject_above:
            raise ValueError(
                f"accept_below ({self.accept_below}) must not exceed"
                f" reject_above ({self.reject_above})"
            )
        return self

    def verdict(self, score: float) -> Verdict:
        """The verdict for a part of this score."""
        if score < self.accept_below:
            return Verdict.ACCEPT
        return Verdict.REJECT if score >= self.reject_above else Verdict.REVIEW
