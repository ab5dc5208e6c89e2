"""A certificate for a model file that exists, by its networks built anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from flawscope.bundle import Bundle, pack
from flawscope.errors import ModelFileError, TrainingError
from flawscope.nets.eager import eager_graphs
from flawscope.nets.rebuilding import graphs_of
from flawscope.runtime.engines import Graph
from flawscope.runtime.golden import ANSWERS, MAPS, PICTURES
from flawscope.train.certifying import Told, certify
from flawscope.train.finishing import conclude
from flawscope.train.golden_parts import case_of
from flawscope.train.networks import build, parts_for
from flawscope.train.recipe import CertificateRecipe, Recipe
from flawscope.train.run import MODEL
from flawscope.train.supervision import plan
from flawscope.train.validating import thinned
from flawscope.values import Certificate, Dataset, Manifest, Precision, Sample


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """What an export wrote.

    Attributes:
        model: the file.
        certificate: that it carries; only where a policy was chosen may there be none.
        refused: what the certificate does not cover, and why, a sentence each.
    """

    model: Path
    certificate: Certificate | None
    refused: tuple[str, ...]


def export_model(
    source: Path,
    out: Path,
    *,
    samples: Sequence[Sample] = (),
    options: CertificateRecipe | None = None,
    told: Told = lambda _what: None,
) -> ExportedModel:
    """Writes a model file anew: the same weights and policy, with the certificate they deserve.

    Args:
        source: a model file, or the folder of a run that has one.
        out: the file to write, whole or not at all; it may be the source.
        samples: labelled photographs to replay beside the golden pictures, evenly thinned.
        options: how to certify.
        told: what is being done.

    Raises:
        ModelFileError: there is no model, its networks cannot be built again, or its graphs
            do not give the answers of PyTorch in float32 on any engine.
    """
    options = options or CertificateRecipe()
    bundle = Bundle.open(_model_of(source))
    plain, graphs, members, eager = _taken_apart(bundle, told)
    cases = [case_of(sample) for sample in thinned(samples, options.photographs)]
    certified = certify(plain, graphs, eager, cases, options, told=told)
    certificate = certified.manifest.certificate
    if certificate is None or not any(
        choice.lowest is Precision.FLOAT32 for choice in certificate.choices
    ):
        raise ModelFileError(
            f"its graphs do not give PyTorch's answers: {' / '.join(certified.refused)}",
            where=bundle.path,
            remedy="Train it again, or widen the limit: --max-flips, --max-drop or --min-iou",
        )
    pack(certified.manifest, {**members, **certified.members}, out)
    return ExportedModel(out, certificate, certified.refused)


def choose_anew(
    source: Path,
    out: Path,
    datasets: Sequence[Dataset],
    *,
    options: CertificateRecipe | None = None,
    told: Told = lambda _what: None,
) -> ExportedModel:
    """Writes a model file anew: the same weights, with the policy that other parts ask for.

    Gate, thresholds, edges and second look are chosen as at the end of training, and so are its
    figures, its card and its certificate made: for another camera or line, or for a file of an
    older format, which pads pictures.

    Args:
        source: a model file, or the folder of a run that has one.
        out: the file to write, whole or not at all; it may be the source.
        datasets: the parts to choose on, whatever split they are of. What the model has no name
            for is a defect of no known kind.
        options: how to certify; by default as the model was.
        told: what is being done.

    Raises:
        ModelFileError: there is no model, or its networks cannot be built again.
        TrainingError: there is nothing to choose on.
    """
    bundle = Bundle.open(_model_of(source))
    manifest = bundle.manifest
    plain, graphs, _members, eager = _taken_apart(bundle, told)
    recipe = Recipe.model_validate(manifest.recipe)
    if options is not None:
        recipe = recipe.model_copy(update={"certificate": options})
    held_out = [
        replace(data, samples=tuple(replace(one, split="validation") for one in data.samples))
        for data in datasets
    ]
    lessons = plan(held_out, recipe, manifest.kinds).lessons["validation"]
    if not lessons:
        raise TrainingError(
            "no labelled picture to choose on",
            where=", ".join(str(data.root) for data in datasets),
            remedy="Name a dataset whose parts are labelled as good or defective",
        )
    fit = manifest.input.model_copy(update={"to_multiple": "resize"})
    plain = plain.model_copy(update={"input": fit})
    told("choosing the policy")
    _, refused = conclude(plain, graphs, eager, lessons, recipe, out, told)
    return ExportedModel(out, Bundle.open(out).manifest.certificate, refused)


def _taken_apart(
    bundle: Bundle, told: Told
) -> tuple[Manifest, dict[str, bytes], dict[str, bytes], Mapping[str, Graph]]:
    """The manifest without a certificate, the graphs, the other members, and PyTorch's stages."""
    plain = _plain(bundle.manifest)
    members = {name: bundle.read(name) for name in plain.files}
    graphs = {name: members.pop(name) for name in plain.graphs}
    told("building the networks again")
    return plain, graphs, members, _rebuilt(bundle)


def _model_of(source: Path) -> Path:
    if not source.is_dir():
        return source
    model = source / MODEL
    if not model.is_file():
        raise ModelFileError(
            f"the run has no {MODEL} yet",
            where=source,
            remedy="Finish it by the same flawscope train command with --resume",
        )
    return model


def _plain(manifest: Manifest) -> Manifest:
    """The manifest without certificate and variants, and without the files they brought."""
    stages = tuple(stage.model_copy(update={"variants": {}}) for stage in manifest.stages)
    plain = manifest.model_copy(update={"stages": stages, "certificate": None})
    gone = {PICTURES, MAPS, ANSWERS} | (manifest.graphs - plain.graphs)
    files = {name: entry for name, entry in manifest.files.items() if name not in gone}
    return plain.model_copy(update={"files": files})


def _rebuilt(bundle: Bundle) -> Mapping[str, Graph]:
    """Every stage in PyTorch, with the weights of its graph."""
    manifest = bundle.manifest
    taught = {channel for stage in manifest.stages for channel in stage.channels}
    eager: dict[str, Graph] = {}
    try:
        recipe = Recipe.model_validate(manifest.recipe)
        for part in parts_for(recipe, manifest.kinds, taught):
            own = graphs_of(manifest, part.name, part.of_kind)
            network = build(part, manifest.kinds, bundle)
            stages = [stage for stage in manifest.stages if stage.graph in own]
            eager |= eager_graphs(network, stages)
    except (ValidationError, TrainingError, KeyError, ValueError, RuntimeError) as error:
        raise _cannot_rebuild(bundle, error) from error
    if eager.keys() != {stage.name for stage in manifest.stages}:
        raise _cannot_rebuild(bundle, None)
    return eager


def _cannot_rebuild(bundle: Bundle, error: Exception | None) -> ModelFileError:
    why = f" ({str(error).splitlines()[0]})" if error else ""
    return ModelFileError(
        f"its networks cannot be built again from its recipe and graphs{why}",
        where=bundle.path,
        remedy="Export the run that it was trained by, with the flawscope that trained it",
    )
