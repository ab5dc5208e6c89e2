"""What a model file says of itself."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from flawscope.values.policy import Policy

FORMAT_VERSION = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InputFit(_Frozen):
    """How an image is brought to the network.

    Attributes:
        scale: factor on the image's sides before anything else; 1.0 is native resolution.
        multiple: sides are padded (by reflection) to a multiple of this.
        smallest: sides are padded to at least this.
        tile: an image with a longer side is cut into tiles of this side, a multiple of ``multiple``.
        overlap: pixels that neighbouring tiles share.
    """

    scale: Annotated[float, Field(gt=0.0, le=4.0)] = 1.0
    multiple: Annotated[int, Field(ge=1, le=256)] = 32
    smallest: Annotated[int, Field(ge=1, le=4096)] = 64
    tile: Annotated[int, Field(ge=64, le=4096)] = 768
    overlap: Annotated[int, Field(ge=0, le=1024)] = 128


class Stage(_Frozen):
    """One ONNX graph of the cascade and the tensors that it takes and gives.

    The tensor ``image`` is given: uint8, (n, height, width, 3). The tensors that answer the three
    questions have fixed names, whichever stage gives them: ``screen`` float32 (n,), ``kinds``
    float32 (n, k) in the order of the manifest's kinds, ``masks`` float32 (n, c, height, width) in
    the order of ``channels``. All three are probabilities. Any other tensor is passed on by name.

    Attributes:
        name: of the stage, unique.
        graph: file name of the ONNX graph inside the model file.
        inputs: names of tensors taken, of the image or of earlier stages.
        outputs: names of tensors given.
        channels: for the stage that gives ``masks``: the kind of each channel, where ``defect``
            (``UNNAMED``) is "any kind at all".
    """

    name: str
    graph: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    channels: tuple[str, ...] = ()


class FileEntry(_Frozen):
    """Size in bytes and sha256 (hex) of one member of a model file."""

    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Manifest(_Frozen):
    """``manifest.json`` of a model file.

    Attributes:
        format_version: refused by a flawscope that only knows an older one.
        name: of the model.
        kinds: the kinds of defect it knows, in the order of its outputs.
        stages: in the order in which they may run.
        input: how images are brought to its network.
        policy: from probabilities to verdicts.
        files: every other member of the file.
        recipe: the resolved recipe it was trained by.
        dataset: fingerprint and counts of what it was trained on.
        metrics: how it scores, by data set.
        seed: of the training run.
        versions: of the software that made it.
        licences: of its starting weights and its data.
    """

    format_version: Literal[1] = FORMAT_VERSION
    name: str
    kinds: tuple[str, ...]
    stages: tuple[Stage, ...]
    input: InputFit = InputFit()
    policy: Policy = Policy()
    files: dict[str, FileEntry] = Field(default_factory=dict)
    recipe: dict[str, Any] = Field(default_factory=dict)
    dataset: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    licences: dict[str, str] = Field(default_factory=dict)
