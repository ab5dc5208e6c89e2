"""The networks that a recipe asks for, each trained by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from flawscope.bundle import Bundle
from flawscope.errors import TrainingError
from flawscope.nets import (
    Classifier,
    MaskRCNN,
    Network,
    Segmenter,
    SharedCascade,
    freeze,
    load_from_graphs,
)
from flawscope.nets.rebuilding import (
    CLASSES,
    KINDS,
    LOCATE,
    SCREEN,
    SHARED,
    answers_of,
    graphs_of,
)
from flawscope.train.fitting import refuse_misfit
from flawscope.train.recipe import (
    BackboneRecipe,
    ClassifyRecipe,
    EncoderRecipe,
    Freeze,
    LocateRecipe,
    Recipe,
)
from flawscope.train.supervision import Curriculum, Lesson
from flawscope.values import UNNAMED


@dataclass(frozen=True, slots=True)
class Part:
    """One network of a recipe.

    Attributes:
        name: of the network, a plain file name.
        channels: which answers it gives.
        make: builds it; told by ``pretrained`` whether from ImageNet weights.
        pretrained: what the recipe says of them.
        frozen: first feature maps that keep the filters they start with.
        freeze: whether the whole encoder does.
        share: of the minutes, in proportion to the other parts' shares.
        of_kind: the kind whose images alone it learns from.
        section: of the recipe that its encoder and decoder are named in; empty for the top.
    """

    name: str
    channels: tuple[int, ...]
    make: Callable[..., Network]
    pretrained: bool
    frozen: int = 0
    freeze: Freeze = "none"
    share: float = 1.0
    of_kind: str | None = None
    section: str = ""


def parts_of(recipe: Recipe, curriculum: Curriculum) -> tuple[Part, ...]:
    """The networks of a recipe, in the order of the cascade's questions.

    Questions that nothing in the curriculum could teach get no network: no kinds have no names,
    and what no mask shows cannot be located.
    """
    taught = {kind for lesson in curriculum.lessons["train"] for kind in _located(lesson)}
    return parts_for(recipe, curriculum.kinds, taught)


def parts_for(recipe: Recipe, kinds: Sequence[str], taught: Set[str]) -> tuple[Part, ...]:
    """Likewise, of a model with these kinds that was taught where some of them are."""
    everything = tuple(range(1 + len(kinds)))
    if recipe.kind == "shared":
        return (_shared(recipe, len(kinds)),)
    if recipe.kind == "classifier":
        section = ClassifyRecipe(encoder=recipe.encoder)
        return (_classifier(CLASSES, everything, section, exclusive=True),)
    founding = recipe.founding
    parts = [_classifier(SCREEN, (0,), founding.screen)]
    if kinds:
        parts.append(_classifier(KINDS, everything[1:], founding.kinds))
    if founding.locate.network == "mask_rcnn":
        if taught - ({UNNAMED} if kinds else set()):
            parts.append(_detector(LOCATE, everything, founding.locate))
    elif founding.locate.per_kind and kinds:
        located = [number for number in everything[1:] if kinds[number - 1] in taught]
        parts += [
            _segmenter(f"{LOCATE}-{number}", (number,), founding.locate, kinds[number - 1])
            for number in located
        ]
    elif taught:
        parts.append(_segmenter(LOCATE, everything, founding.locate))
    return tuple(replace(one, section=f"founding.{one.name.partition('-')[0]}") for one in parts)


def encoders_of(recipe: Recipe) -> tuple[BackboneRecipe, ...]:
    """The encoders that a recipe's networks have."""
    if recipe.kind != "founding":
        return (recipe.encoder,)
    founding = recipe.founding
    return (founding.screen.encoder, founding.kinds.encoder, founding.locate.encoder)


def _shared(recipe: Recipe, kinds: int) -> Part:
    encoder, decoder = recipe.encoder, recipe.decoder
    make = partial(
        SharedCascade,
        kinds,
        encoder=encoder.name,
        decoder=decoder.name,
        decoder_channels=decoder.channels,
    )
    return _encoded(Part(SHARED, tuple(range(1 + kinds)), make, encoder.pretrained), encoder)


def _classifier(
    name: str, channels: tuple[int, ...], section: ClassifyRecipe, *, exclusive: bool = False
) -> Part:
    encoder = section.encoder
    make = partial(Classifier, channels, encoder=encoder.name, exclusive=exclusive)
    return Part(
        name, channels, make, encoder.pretrained, freeze=encoder.freeze, share=section.share
    )


def _segmenter(
    name: str, channels: tuple[int, ...], section: LocateRecipe, of_kind: str | None = None
) -> Part:
    encoder, decoder = section.encoder, section.decoder
    make = partial(
        Segmenter,
        channels,
        encoder=encoder.name,
        decoder=decoder.name,
        decoder_channels=decoder.channels,
    )
    part = Part(name, channels, make, encoder.pretrained, share=section.share, of_kind=of_kind)
    return _encoded(part, encoder)


def _detector(name: str, channels: tuple[int, ...], section: LocateRecipe) -> Part:
    encoder = section.encoder
    make = partial(MaskRCNN, channels, encoder=encoder.name)
    part = Part(name, channels, make, encoder.pretrained, share=section.share)
    return _encoded(part, encoder)


def _encoded(part: Part, encoder: EncoderRecipe) -> Part:
    return replace(part, frozen=encoder.frozen, freeze=encoder.freeze)


def _located(lesson: Lesson) -> set[str]:
    """Kinds of which a lesson has a mask."""
    return {defect.kind for defect in lesson.sample.defects or () if defect.mask is not None}


def lessons_for(part: Part, curriculum: Curriculum) -> Curriculum:
    """What a network learns from: all there is, or the images that show its kind."""
    if part.of_kind is None:
        return curriculum
    return Curriculum(
        curriculum.kinds,
        {
            split: tuple(lesson for lesson in lessons if part.of_kind in _located(lesson))
            for split, lessons in curriculum.lessons.items()
        },
    )


def refuse_misfits(parts: Sequence[Part], networks: Sequence[Network], side: int) -> None:
    """Raises TrainingError unless all networks take crops of a side, and pictures of any other."""
    seen = set()
    for part, network in zip(parts, networks, strict=True):
        if part.section not in seen:  # Those of one section differ in what they answer alone.
            with _in_section(part):
                refuse_misfit(network, side)
        seen.add(part.section)


@contextmanager
def _in_section(part: Part) -> Iterator[None]:
    try:
        yield
    except TrainingError as error:
        if part.section and (error.where or "").startswith(("encoder.", "decoder.")):
            key = f"{part.section}.{error.where}"
            raise TrainingError(error.what, where=key, remedy=error.remedy) from error
        raise


def build(part: Part, kinds: Sequence[str], origin: Bundle | None) -> Network:
    """A network with the weights that it starts from, those of a model file before ImageNet's.

    Raises:
        TrainingError: an encoder or decoder is unknown or its weights cannot be had, or the model
            to start from was built otherwise.
    """
    graphs = [] if origin is None else graphs_of(origin.manifest, part.name, part.of_kind)
    with _in_section(part):
        network = part.make(pretrained=part.pretrained and not graphs)
    if origin is not None and graphs:
        load_from_graphs(
            network,
            [origin.read(graph) for graph in graphs],
            old_answers=answers_of(part.name, origin.manifest.kinds, part.of_kind),
            new_answers=answers_of(part.name, kinds, part.of_kind),
        )
    if part.frozen and (part.pretrained or graphs):
        freeze(network.encoder, part.frozen)
    return network
