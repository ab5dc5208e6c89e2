"""What is done with a model's probabilities; editable after training, without touching weights."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flawscope.values.parts import Verdict

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0, le=100.0)]
_OrNone = BeforeValidator(lambda value: None if value == "none" else value)

_NEVER = 700.0
"""In logits: ``exp`` of more overflows."""

_UNDER = 1e-4
"""How far under the edge, at least, a part is that was accepted for its screen alone."""

FAINTEST = 1e-3
"""Probabilities under this, or as near to 1, count as this: no edge that matters lies beyond."""


def logit(probability: float) -> float:
    """ln(p / (1 - p)), of probabilities no fainter than ``FAINTEST``."""
    clear = min(max(probability, FAINTEST), 1.0 - FAINTEST)
    return math.log(clear / (1.0 - clear))


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
        probability: the kind is told to be there if its own probability reaches this.
        veto_below: under this, a hard gate drops the kind's mask; as ``probability`` unless it is
            given.
        mask_probability: a pixel's probability must reach this to belong to a defect.
        smallest_area: a defect of fewer pixels is dropped.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: Probability = 0.5
    veto_below: Annotated[Probability | None, _OrNone] = None
    mask_probability: Probability = 0.5
    smallest_area: Annotated[int, Field(ge=0)] = 0

    @property
    def veto(self) -> float:
        """The probability under which a hard gate drops the mask."""
        return self.probability if self.veto_below is None else self.veto_below


class SecondLook(BaseModel):
    """How what is located bears on the score of a part that the screen does not let go.

    The score is the logistic of ``offset + screen * logit(s) + masks * logit(m)``: s is the
    screen's answer, m the mean of the ``pixels`` highest probabilities of "any defect at all".

    Attributes:
        located_from: a part is located if the screen's answer reaches this, else accepted.
        offset, screen, masks: as above.
        pixels: how many; defects of fewer still count, in proportion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    located_from: Probability
    offset: Annotated[float, Field(ge=-1000.0, le=1000.0)] = 0.0
    screen: Weight = 1.0
    masks: Weight = 0.0
    pixels: Annotated[int, Field(ge=1, le=1_000_000)] = 100

    def score(self, screen: float, masks: float) -> float:
        """Of a part by the screen's answer s and the mean m of its likeliest pixels."""
        weighed = self.offset + self.screen * logit(screen) + self.masks * logit(masks)
        return 1.0 / (1.0 + math.exp(-weighed)) if weighed > -_NEVER else 0.0


class Policy(BaseModel):
    """From probabilities to a verdict.

    Attributes:
        defective_from: a score that reaches this means "defective" where only yes or no will do.
        accept_below: a part whose score is under this is accepted, and no defect of it shown.
        reject_above: a part whose score reaches this is rejected; between the two, reviewed.
        gate: how the kinds' probabilities bear on the masks.
        kinds: by kind, when it counts as shown.
        unnamed: when a defect that no known kind explains counts.
        turned_from: a part whose screen reaches this is looked at turned by 180 degrees too, and
            the mean of both answers counts, pixel by pixel as well; without it no part is.
        second_look: how located defects bear on the score; without it the score is the screen's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    defective_from: Probability = 0.5
    accept_below: Probability = 0.5
    reject_above: Probability = 0.5
    gate: Gate = Gate.HARD
    kinds: dict[str, KindPolicy] = Field(default_factory=dict)
    unnamed: KindPolicy = KindPolicy()
    turned_from: Annotated[Probability | None, _OrNone] = None
    second_look: Annotated[SecondLook | None, _OrNone] = None

    @model_validator(mode="after")
    def _edges_in_order(self) -> Self:
        if self.accept_below > self.reject_above:
            raise ValueError(
                f"accept_below ({self.accept_below}) must not exceed"
                f" reject_above ({self.reject_above})"
            )
        return self

    def turns(self, first: float) -> bool:
        """Whether a part of which the screen says so, as it lies, is looked at turned too."""
        return self.turned_from is not None and first >= self.turned_from

    @property
    def located_from(self) -> float:
        """The screen's answer from which a part is located."""
        return self.second_look.located_from if self.second_look else self.accept_below

    def score_of_unlocated(self, screen: float) -> float:
        """The score of a part that is not located: as though nothing were found, and accepted."""
        if self.second_look is None:
            return screen
        highest = max(0.0, self.accept_below - _UNDER)
        return min(self.second_look.score(screen, 0.0), highest)

    def verdict(self, score: float) -> Verdict:
        """The verdict for a part of this score."""
        if score < self.accept_below:
            return Verdict.ACCEPT
        return Verdict.REJECT if score >= self.reject_above else Verdict.REVIEW
