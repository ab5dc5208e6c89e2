"""The networks of a model file as torch modules again, from its recipe and its graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from flawscope.errors import ModelFileError, TrainingError
from flawscope.nets.cascade import SharedCascade
from flawscope.nets.classifier import Classifier
from flawscope.nets.decoders import DEFAULT_DECODER
from flawscope.nets.loading import load_from_graphs
from flawscope.nets.network import Network
from flawscope.values import Manifest

SHARED, CLASSES, SCREEN, KINDS, LOCATE = "shared", "classes", "screen", "kinds", "locate"
"""Names of a cascade's networks: one that answers everything, one that classifies, or one for
each of the questions."""

_REMEDY = "Explain it by occlusion, which needs the graphs alone"

_Width = Annotated[int, Field(ge=1, le=4096)]


class _Encoder(BaseModel):
    name: str


class _Decoder(BaseModel):
    name: str = DEFAULT_DECODER
    channels: tuple[_Width, _Width, _Width, _Width]


class _Classify(BaseModel):
    encoder: _Encoder


class _Founding(BaseModel):
    screen: _Classify
    kinds: _Classify


class _Shared(BaseModel):
    encoder: _Encoder
    decoder: _Decoder


class _Kind(BaseModel):
    """What every recipe says of itself; the rest of it is how the networks were trained."""

    kind: Literal["shared", "founding", "classifier"]


class _FoundingRecipe(BaseModel):
    founding: _Founding


def graphs_of(manifest: Manifest, name: str, of_kind: str | None = None) -> list[str]:
    """Graphs of a model file that hold a network; none where it has no such network.

    Args:
        manifest: of the model file.
        name: of the network, one of this module's names or one that is its stage's.
        of_kind: the one kind that the network locates, where it is such a network.
    """
    if name == SHARED:
        return [stage.graph for stage in manifest.stages]
    if of_kind is not None:
        return [stage.graph for stage in manifest.stages if stage.channels == (of_kind,)]
    return [stage.graph for stage in manifest.stages if stage.name == name]


def answers_of(name: str, kinds: Sequence[str], of_kind: str | None = None) -> tuple[str, ...]:
    """Names of a network's answers where the model's kinds are these; "" is any defect."""
    if of_kind is not None:
        return (of_kind,)
    if name == SCREEN:
        return ("",)
    return tuple(kinds) if name == KINDS else ("", *kinds)


def rebuild(
    manifest: Manifest, read: Callable[[str], bytes], channel: int, *, where: Path
) -> Network:
    """The network of a model file that gives one of the answers for the whole image.

    Args:
        manifest: of the model file.
        read: gives the bytes of a graph by its name.
        channel: the answer: 0 is "any defect at all", c > 0 the kind c - 1.
        where: the model file, for messages.

    Returns:
        The network in evaluation mode, with the weights of the graphs; which of its answers is
        the channel's, its ``channels`` say.

    Raises:
        ModelFileError: the file does not say what its networks are, or says what it does not hold.
    """
    try:
        name, make = _described(manifest, channel)
    except ValidationError as error:
        raise ModelFileError(_fault_of(manifest, error), where=where, remedy=_REMEDY) from error
    try:
        network = make()
    except TrainingError as error:
        raise ModelFileError(
            f"its recipe names a network that cannot be built here ({error.what})",
            where=where,
            remedy=_REMEDY,
        ) from error
    answers = answers_of(name, manifest.kinds)
    graphs = [read(graph) for graph in graphs_of(manifest, name)]
    try:
        load_from_graphs(network, graphs, old_answers=answers, new_answers=answers)
    except (TrainingError, KeyError, RuntimeError) as error:
        raise ModelFileError(
            "its graphs do not hold the weights of its recipe's network",
            where=where,
            remedy=_REMEDY,
        ) from error
    return network.eval()


def _described(manifest: Manifest, channel: int) -> tuple[str, Callable[[], Network]]:
    """The name of the network that gives an answer, and what builds it without weights."""
    everything = tuple(range(1 + len(manifest.kinds)))
    kind = _Kind.model_validate(manifest.recipe).kind
    if kind == "shared":
        shared = _Shared.model_validate(manifest.recipe)
        return SHARED, lambda: SharedCascade(
            len(manifest.kinds),
            encoder=shared.encoder.name,
            decoder=shared.decoder.name,
            decoder_channels=shared.decoder.channels,
            pretrained=False,
        )
    if kind == "classifier":
        encoder = _Classify.model_validate(manifest.recipe).encoder.name
        return CLASSES, lambda: Classifier(
            everything, encoder=encoder, exclusive=True, pretrained=False
        )
    founding = _FoundingRecipe.model_validate(manifest.recipe).founding
    name, section = (KINDS, founding.kinds) if channel else (SCREEN, founding.screen)
    channels = everything[1:] if channel else (0,)
    return name, lambda: Classifier(channels, encoder=section.encoder.name, pretrained=False)


def _fault_of(manifest: Manifest, error: ValidationError) -> str:
    if not manifest.recipe:
        return "has no recipe, so its networks cannot be rebuilt"
    key = ".".join(str(part) for part in error.errors()[0]["loc"])
    return f"its recipe describes no network that is known here (recipe.{key})"
