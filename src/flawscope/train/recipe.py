"""Recipes: how a model is trained, as YAML checked by one schema."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flawscope.errors import RecipeError

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class UntilEpoch(_Section):
    """For how many epochs something holds; an epoch is as many crops as there are images."""

    until_epoch: Count


Freeze = Literal["none", "encoder"] | UntilEpoch
"""Whether the encoder keeps the weights it starts with: never, always, or for some epochs."""


class BackboneRecipe(_Section):
    """Where features come from.

    Attributes:
        name: of any timm model.
        pretrained: start from ImageNet weights.
        freeze: ``none`` fine-tunes the whole network, ``encoder`` only what follows the encoder,
            ``{until_epoch: N}`` first this, then that.
    """

    name: str
    pretrained: bool = True
    freeze: Freeze = "none"


class EncoderRecipe(BackboneRecipe):
    """Where feature maps come from.

    Attributes:
        frozen: how many of the first feature maps (strides 2, 4, 8 ...) keep the filters they
            start with: what they see is general, they are the costliest to train, and few images
            teach them nothing better. 0 where there is nothing to start from.
    """

    name: str = "tf_efficientnet_lite0"
    frozen: Annotated[int, Field(ge=0, le=5)] = 2


class DecoderRecipe(_Section):
    """From feature maps to masks.

    Attributes:
        name: of any decoder of segmentation-models-pytorch, as ``unet`` or ``deeplabv3plus``.
        channels: widths of the U-Net's blocks at strides 16, 8, 4 and 2; the others have their own.
    """

    name: str = "unet"
    channels: tuple[Count, Count, Count, Count] = (96, 64, 48, 32)


class ClassifyRecipe(_Section):
    """A network that classifies, trained by itself.

    Attributes:
        encoder: whose features it classifies.
        share: of the minutes, in proportion to the other networks' shares.
    """

    encoder: BackboneRecipe = BackboneRecipe(name="densenet121")
    share: Positive = 1.0


class LocateRecipe(_Section):
    """A network that locates, trained by itself, or one for each kind.

    Attributes:
        network: ``segmenter`` decodes feature maps into masks; ``mask_rcnn`` finds boxes around
            single defects and draws a mask in each (He et al. 2017).
        encoder: whose feature maps are taken.
        decoder: by which a segmenter decodes them.
        per_kind: a segmenter for each kind, trained on the parts that show it; else one for all.
            Mask R-CNN is always one for all, as it tells the kinds apart by box.
        share: of the minutes, in proportion to the other networks' shares.
    """

    network: Literal["segmenter", "mask_rcnn"] = "segmenter"
    encoder: EncoderRecipe = EncoderRecipe(name="efficientnet_b2", frozen=0)
    decoder: DecoderRecipe = DecoderRecipe()
    per_kind: bool = True
    share: Positive = 2.0


class FoundingRecipe(_Section):
    """The three questions, each answered by networks of its own."""

    screen: ClassifyRecipe = ClassifyRecipe()
    kinds: ClassifyRecipe = ClassifyRecipe()
    locate: LocateRecipe = LocateRecipe()


class CropRecipe(_Section):
    """What the network is shown.

    Attributes:
        size: side of a crop in pixels, a multiple of 32.
        good: share of crops from parts labelled good (where there are any).
        on_defect: share of a defective part's crops that are centred near a defect.
        zoom: smallest and largest random scale; 1 is native resolution.
        datasets: weight of each dataset by folder name, 1 unless named.
    """

    size: Annotated[int, Field(ge=64, le=1024, multiple_of=32)] = 224
    good: Share = 0.5
    on_defect: Share = 0.85
    zoom: tuple[Positive, Positive] = (0.75, 1.33)
    datasets: dict[str, Positive] = Field(default_factory=dict)


class AugmentRecipe(_Section):
    """How crops are varied; each share is the probability that a change is made at all.

    Attributes:
        flips: mirror left-right and up-down. With these or with right angles, the finished model
            turns parts that it does not accept at once.
        right_angles: share turned by 90, 180 or 270 degrees; for parts that lie in any direction.
        tilt: largest further turn, degrees.
        brightness, contrast: largest relative change.
        uneven_light: share with a smooth gradient of light.
        glare: share with a bright reflection.
        blur, noise: share blurred, share with sensor noise.
        planted: share of good crops that get a rendered defect, labelled in place, of no kind.
        transplanted: share of good crops that get a real defect, masked on another part of the
            same dataset, labelled in place with its kind.
    """

    flips: bool = True
    right_angles: Share = 0.0
    tilt: Annotated[float, Field(ge=0.0, le=45.0)] = 8.0
    brightness: Share = 0.3
    contrast: Share = 0.3
    uneven_light: Share = 0.3
    glare: Share = 0.1
    blur: Share = 0.15
    noise: Share = 0.3
    planted: Share = 0.1
    transplanted: Share = 0.3

    @property
    def shows_turned(self) -> bool:
        """Whether networks are shown parts turned by 180 degrees."""
        return self.flips or self.right_angles > 0


class LossRecipe(_Section):
    """Weights of the losses for the three questions and for the evidence behind the first two.

    Those of Mask R-CNN are its own and weigh the same.
    """

    whole: Annotated[float, Field(ge=0.0)] = 0.5
    evidence: Annotated[float, Field(ge=0.0)] = 1.0
    mask_entropy: Annotated[float, Field(ge=0.0)] = 1.0
    mask_dice: Annotated[float, Field(ge=0.0)] = 1.0


class ScheduleRecipe(_Section):
    """How long and how fast.

    Attributes:
        steps: optimiser steps; ``minutes``, if given, ends training earlier.
        minutes: budget of wall time for the whole run, choosing and exporting included.
        batch: crops a step.
        learning_rate: at its highest, of the heads and the decoder; Mask R-CNN takes 0.15 of it.
        encoder_rate: the encoder's learning rate as a share of that.
        weight_decay: of AdamW (Loshchilov and Hutter 2019).
        warm_up: share of the schedule in which the rate rises.
        average: decay a step of the moving average of weights, which is what is kept.
        validate_every: steps between validations; 0 spreads ``validations`` over the schedule.
        validations: how many validations a whole schedule holds.
        patience: stop after this many validations without a better score.
        rate: how the learning rate goes on after its rise: ``cosine`` falls along half a cosine
            to the schedule's end, ``plateau`` stays until the validation score does.
        reduce_after: under ``plateau``, validations without a better score until it is reduced.
        reduce_to: under ``plateau``, the share of the rate that is then kept.
    """

    steps: Count = 4000
    minutes: Positive | None = None
    batch: Count = 16
    learning_rate: Positive = 2e-3
    encoder_rate: Share = 0.4
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.02
    warm_up: Share = 0.05
    average: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.995
    validate_every: Annotated[int, Field(ge=0)] = 0
    validations: Count = 8
    patience: Count = 8
    rate: Literal["cosine", "plateau"] = "cosine"
    reduce_after: Count = 2
    reduce_to: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.3


class CostRecipe(_Section):
    """What mistakes cost; the edges between accept, review and reject follow from it.

    Attributes:
        escape, overkill, review: of a part, as multiples of each other.
        second_look: where validation parts tell that located pixels say more than the screen alone,
            let doubtful parts cost the decoder, the good ones among them too.
    """

    escape: Positive = 20.0
    overkill: Positive = 1.0
    review: Positive = 0.5
    second_look: bool = True


class CertificateRecipe(_Section):
    """How the finished model is proved to give the same answers on every engine and precision.

    Attributes:
        pictures: rendered ones that are replayed and travel in the file; without any there is no
            certificate, and the model is run in float32 alone.
        photographs: of the validation part that are replayed too, at most.
        calibrated: of either, those that the ranges of INT8 are taken from, at most.
        int8: try variants in INT8.
        flips: the share of verdicts that may differ from PyTorch's.
        drop: how far F1 or Dice may fall.
        overlap: the IoU that masks must have with PyTorch's.
    """

    pictures: Annotated[int, Field(ge=0, le=128)] = 96
    photographs: Annotated[int, Field(ge=0)] = 64
    calibrated: Count = 12
    int8: bool = True
    flips: Share = 0.001
    drop: Share = 0.005
    overlap: Share = 0.9


class Recipe(_Section):
    """A whole recipe.

    Attributes:
        kind: the way the cascade is built. ``shared``: one encoder answers all three questions,
            with ``decoder`` for the third. ``founding``: networks of their own, as in its section.
            ``classifier``: one network says good or which single kind, and locates nothing.
        seed: two runs with one seed, on one machine, by steps and not by minutes, are equal.
        precision: of the forward pass; ``auto`` measures which is faster here.
        rename: by dataset folder name, its kinds' names to the model's; ``null`` drops the name
            and keeps the defect.
    """

    kind: Literal["shared", "founding", "classifier"] = "shared"
    seed: int = 0
    precision: Literal["auto", "bfloat16", "float32"] = "auto"
    encoder: EncoderRecipe = EncoderRecipe()
    decoder: DecoderRecipe = DecoderRecipe()
    founding: FoundingRecipe = FoundingRecipe()
    crops: CropRecipe = CropRecipe()
    augment: AugmentRecipe = AugmentRecipe()
    losses: LossRecipe = LossRecipe()
    schedule: ScheduleRecipe = ScheduleRecipe()
    costs: CostRecipe = CostRecipe()
    certificate: CertificateRecipe = CertificateRecipe()
    rename: dict[str, dict[str, str | None]] = Field(default_factory=dict)


def recipe_names() -> list[str]:
    """Names of the recipes that come with flawscope."""
    folder = resources.files("flawscope.train") / "recipes"
    return sorted(
        Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith("yaml")
    )


def load_recipe(name: str = "shared", settings: Sequence[str] = ()) -> Recipe:
    """A recipe by its name or its YAML file, with ``KEY=VALUE`` settings laid over it.

    Raises:
        RecipeError: there is no such recipe, or a key or value that the schema refuses.
    """
    data = _read(name)
    for setting in settings:
        _set(data, setting)
    try:
        recipe = Recipe.model_validate(data)
    except ValidationError as error:
        raise _explained(error, name) from error
    for setting in settings:
        _require_use(recipe, key := setting.partition("=")[0].strip(), key)
    for key in _changed(recipe, Recipe()):
        _require_use(recipe, key, f"{name}: {key}")
    return recipe


_IDLE = {
    "shared": ("founding",),
    "classifier": ("founding", "decoder", "encoder.frozen", "costs.second_look"),
    "founding": ("encoder", "decoder"),
}
"""Keys that a recipe of a kind has no use for."""


def _changed(section: BaseModel, usual: BaseModel, prefix: str = "") -> Iterator[str]:
    """The keys of a section whose values are not the usual ones."""
    for name in type(section).model_fields:
        value, other = getattr(section, name), getattr(usual, name)
        if isinstance(value, _Section) and type(value) is type(other):
            yield from _changed(value, other, f"{prefix}{name}.")
        elif value != other:
            yield prefix + name


def _require_use(recipe: Recipe, key: str, where: str) -> None:
    """Raises RecipeError for a key of networks that the recipe's kind does not have."""
    if not any(key == one or key.startswith(f"{one}.") for one in _IDLE[recipe.kind]):
        return
    stages = [f"founding.{stage}.{key}" for stage in ("screen", "kinds", "locate")]
    meant = [one for one in stages if one in _keys(Recipe)] if recipe.kind == "founding" else []
    raise RecipeError(
        f"a recipe of kind {recipe.kind} has no use for it",
        where=where,
        remedy=f"Set {' or '.join(meant)}" if meant else "Leave it out, or choose another recipe",
    )


def _read(name: str) -> dict[str, Any]:
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"the recipe cannot be read ({error})", where=path) from error
    else:
        if name not in recipe_names():
            raise RecipeError(
                f"there is no recipe {name!r}",
                remedy=f"Choose from {', '.join(recipe_names())}, or name a .yaml file",
            )
        text = (resources.files("flawscope.train") / "recipes" / f"{name}.yaml").read_text("utf-8")
    try:
        data = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise RecipeError(f"not valid YAML ({error})", where=name) from error
    if not isinstance(data, dict):
        raise RecipeError("a recipe is a mapping of sections", where=name)
    return data


def _set(data: dict[str, Any], setting: str) -> None:
    key, equals, value = setting.partition("=")
    if not equals:
        raise RecipeError(
            f"{setting!r} sets nothing", where="--set", remedy="Write it as KEY=VALUE"
        )
    *sections, last = key.strip().split(".")
    for section in sections:
        inner = data.setdefault(section, {})
        if not isinstance(inner, dict):
            raise RecipeError(f"{section!r} holds a value, not keys", where=key)
        data = inner
    try:
        data[last] = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise RecipeError(f"{value!r} is not a value in YAML", where=key) from error


def _explained(error: ValidationError, name: str) -> RecipeError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, _keys(Recipe), n=3, cutoff=0.4)
        remedy = f"Did you mean {' or '.join(near)}?" if near else "Check its spelling"
        return RecipeError(f"unknown key {key!r}", where=name, remedy=remedy)
    return RecipeError(f"{first['msg']} (got {first['input']!r})", where=f"{name}: {key}")


def _keys(section: type[BaseModel], prefix: str = "") -> list[str]:
    keys = []
    for name, field in section.model_fields.items():
        keys.append(prefix + name)
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            keys += _keys(inner, f"{prefix}{name}.")
    return keys


def recipe_yaml(recipe: Recipe) -> str:
    """A resolved recipe as YAML, without the keys that it has no use for."""
    data = recipe.model_dump(mode="json")
    for key in _IDLE[recipe.kind]:
        section, _, last = key.rpartition(".")
        (data[section] if section else data).pop(last)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
