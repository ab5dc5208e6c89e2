"""What a model file says of itself."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from flawscope.values.certificate import Certificate, Precision
from flawscope.values.parts import UNNAMED
from flawscope.values.policy import Policy

FORMAT_VERSION: Final = 4


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFit(_Frozen):
    """How an image is brought to the network.

    Attributes:
        scale: factor on the image's sides before anything else; 1.0 is native resolution.
        multiple: of which the sides of what the network is shown are.
        to_multiple: how they come to be: ``resize`` enlarges sides to the next multiple, ``pad``
            continues them to it by reflection, as every model did up to format 2. A mirrored
            rim looks like a defect to many networks.
        smallest: sides are padded to at least this.
        tile: an image of more pixels than a square of this side is cut into tiles of no more;
            a multiple of ``multiple``.
        overlap: pixels that neighbouring tiles share.
    """

    scale: Annotated[float, Field(gt=0.0, le=4.0)] = 1.0
    multiple: Annotated[int, Field(ge=1, le=256)] = 32
    to_multiple: Literal["pad", "resize"] = "pad"
    smallest: Annotated[int, Field(ge=1, le=4096)] = 64
    tile: Annotated[int, Field(ge=64, le=4096)] = 768
    overlap: Annotated[int, Field(ge=0, le=1024)] = 128

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.tile % self.multiple:
            raise ValueError(f"tile ({self.tile}) must be a multiple of {self.multiple}")
        if self.smallest > self.tile:
            raise ValueError(f"smallest ({self.smallest}) must not exceed tile ({self.tile})")
        if 2 * self.overlap > self.tile:
            raise ValueError(f"overlap ({self.overlap}) must not exceed half of tile ({self.tile})")
        return self


class Stage(_Frozen):
    """One ONNX graph of the cascade and the tensors that it takes and gives.

    The tensor ``image`` is given: uint8, (n, height, width, 3). The tensors that answer the three
    questions have fixed names, whichever stage gives them: ``screen`` float32 (n,), ``kinds``
    float32 (n, k) in the order of the manifest's kinds, ``masks`` float32 (n, c, height, width) in
    the order of ``channels``. All three are probabilities. Any other tensor is passed on by name.
    ``masks`` alone may come from several stages, each locating kinds of its own.

    Attributes:
        name: of the stage, unique.
        graph: file name of the ONNX graph inside the model file.
        inputs: names of tensors taken, of the image or of earlier stages.
        outputs: names of tensors given.
        channels: for the stage that gives ``masks``: the kind of each channel, where ``defect``
            (``UNNAMED``) is "any kind at all".
        variants: file names of the same graph in other precisions.
    """

    name: str
    graph: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    channels: tuple[str, ...] = ()
    variants: dict[Precision, str] = Field(default_factory=dict)

    def graph_in(self, precision: Precision) -> str:
        """File name of the graph that computes the stage in a precision."""
        return self.variants.get(precision, self.graph)


class FileEntry(_Frozen):
    """Size in bytes and sha256 (hex) of one member of a model file."""

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(_Frozen):
    """``manifest.json`` of a model file.

    Attributes:
        format_version: refused by a flawscope that only knows an older one. Version 1 had neither
            variants nor a certificate, version 2 no second look, version 3 turned no parts.
        name: of the model.
        kinds: the kinds of defect it knows, in the order of its outputs.
        stages: in the order in which they may run.
        input: how images are brought to its network.
        policy: from probabilities to verdicts.
        certificate: the engines and precisions that were replayed against PyTorch; float32 alone
            is used where there is none.
        files: every other member of the file.
        recipe: the resolved recipe it was trained by.
        dataset: fingerprint and counts of what it was trained on.
        metrics: how it scores, by data set.
        seed: of the training run.
        versions: of the software that made it.
        licences: of its starting weights and its data.
    """

    format_version: Annotated[int, Field(ge=1, le=FORMAT_VERSION)] = FORMAT_VERSION
    name: str
    kinds: tuple[str, ...]
    stages: tuple[Stage, ...]
    input: InputFit = InputFit()
    policy: Policy = Policy()
    certificate: Certificate | None = None
    files: dict[str, FileEntry] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    dataset: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    licences: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _stages_fit_together(self) -> Self:
        made = {"image"}
        located: set[str] = set()
        for stage in self.stages:
            if missing := set(stage.inputs) - made:
                raise ValueError(
                    f"stage {stage.name!r} takes {min(missing)!r}, which no earlier stage gives"
                )
            if twice := (set(stage.outputs) & made) | (set(stage.channels) & located):
                raise ValueError(f"stage {stage.name!r} gives {min(twice)!r} a second time")
            if ("masks" in stage.outputs) != bool(stage.channels):
                raise ValueError(f"stage {stage.name!r} must give masks and channels, or neither")
            made |= set(stage.outputs) - {"masks"}
            located |= set(stage.channels)
        self._check_answers(made, located)
        return self

    def _check_answers(self, made: set[str], located: set[str]) -> None:
        if len({stage.name for stage in self.stages}) < len(self.stages):
            raise ValueError("two stages have the same name")
        if "screen" not in made:
            raise ValueError("no stage gives 'screen'")
        if self.kinds and "kinds" not in made:
            raise ValueError("no stage gives 'kinds'")
        if self.policy.second_look and UNNAMED not in located:
            raise ValueError(f"policy.second_look asks for a stage that locates {UNNAMED!r}")
        if strangers := located - {*self.kinds, UNNAMED}:
            raise ValueError(f"a stage locates {min(strangers)!r}, which is not among the kinds")
        stages = {stage.name for stage in self.stages}
        for choice in self.certificate.choices if self.certificate else ():
            if choice.precisions.keys() != stages:
                raise ValueError(f"a choice of the certificate, {choice}, is not of these stages")

    @property
    def judging(self) -> tuple[Stage, ...]:
        """The stages that a verdict hangs on."""
        looks_twice = self.policy.second_look is not None
        return tuple(
            stage
            for stage in self.stages
            if not stage.channels or (looks_twice and UNNAMED in stage.channels)
        )

    @property
    def graphs(self) -> frozenset[str]:
        """File names of all graphs, variants among them."""
        return frozenset(
            name for stage in self.stages for name in (stage.graph, *stage.variants.values())
        )
