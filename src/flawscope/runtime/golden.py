"""The pictures that travel in a model file, with the answers PyTorch gave to them.

They are rendered, so that no photograph of anybody's parts goes with a model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.bundle import Bundle
from flawscope.errors import ModelFileError
from flawscope.images import encode_image
from flawscope.runtime.replaying import Case, Said

PICTURES, MAPS, ANSWERS = "golden.png", "golden-maps.png", "golden.json"
"""Members: all pictures one below the other, in grey; likewise the heat of each; the rest."""

SIDE = 128

_REMEDY = "Write the model anew: flawscope export MODEL --out FILE"

_Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    defective: bool
    score: _Probability
    kinds: dict[str, _Probability]
    firsts: tuple[_Probability, ...] = ()


class _Answers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pictures: Annotated[tuple[_Answer, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Golden:
    """Golden pictures, and what is to be said of each."""

    cases: Sequence[Case]
    answers: Sequence[Said]


def golden_members(cases: Sequence[Case], answers: Sequence[Said]) -> dict[str, bytes]:
    """The members of a model file that hold grey pictures of ``SIDE`` x ``SIDE``, and answers."""
    dark = np.zeros((SIDE, SIDE), dtype=np.uint8)
    heats = [dark if said.heat is None else said.heat for said in answers]
    listed = _Answers(
        pictures=tuple(
            _Answer(
                id=case.id,
                defective=bool(case.defective),
                score=said.score,
                kinds=dict(said.kinds),
                firsts=said.firsts,
            )
            for case, said in zip(cases, answers, strict=True)
        )
    )
    return {
        PICTURES: encode_image(np.concatenate([case.open()[..., 0] for case in cases]), ".png"),
        MAPS: encode_image(np.concatenate(heats), ".png"),
        ANSWERS: listed.model_dump_json().encode(),
    }


def read_golden(bundle: Bundle) -> Golden:
    """The golden pictures of a model file.

    Raises:
        ModelFileError: it has none, or they do not fit together.
    """
    if not {PICTURES, MAPS, ANSWERS} <= bundle.manifest.files.keys():
        raise ModelFileError(
            "has no certificate, so there is nothing to verify", where=bundle.path, remedy=_REMEDY
        )
    try:
        listed = _Answers.model_validate_json(bundle.read(ANSWERS)).pictures
    except ValidationError as error:
        raise _unfit(bundle, ANSWERS) from error
    kinds = set(bundle.manifest.kinds)
    if any(one.kinds.keys() != kinds for one in listed):
        raise _unfit(bundle, ANSWERS)
    pictures = _sheet(bundle, PICTURES, len(listed))
    heats = _sheet(bundle, MAPS, len(listed))
    cases = [
        Case(one.id, partial(_in_colour, picture), one.defective)
        for one, picture in zip(listed, pictures, strict=True)
    ]
    answers = [
        Said(one.score, one.kinds, heat, firsts=one.firsts)
        for one, heat in zip(listed, heats, strict=True)
    ]
    return Golden(cases, answers)


def _in_colour(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[..., None], 3, axis=2)


def _sheet(bundle: Bundle, name: str, count: int) -> NDArray[np.uint8]:
    """(count, SIDE, SIDE)."""
    sheet = cv2.imdecode(np.frombuffer(bundle.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
    if sheet is None or sheet.shape != (count * SIDE, SIDE):
        raise _unfit(bundle, name)
    return np.asarray(sheet, dtype=np.uint8).reshape(count, SIDE, SIDE)


def _unfit(bundle: Bundle, name: str) -> ModelFileError:
    return ModelFileError(
        f"its {name} does not hold golden pictures of this model",
        where=bundle.path,
        remedy=_REMEDY,
    )
