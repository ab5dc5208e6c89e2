"""The certificate of a model file: every engine and precision replayed beside PyTorch."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flawscope.errors import EngineError
from flawscope.runtime import Cascade, usable_threads
from flawscope.runtime.engines import Graph, installed_engines, precisions_of
from flawscope.runtime.golden import Golden, golden_members
from flawscope.runtime.guard import edges_of, margin_for
from flawscope.runtime.replaying import (
    Case,
    Said,
    compared,
    for_reference,
    for_replay,
    replay,
    same_views,
    weighed,
)
from flawscope.runtime.running import Running
from flawscope.runtime.verifying import flips_in_words, named
from flawscope.train.golden_parts import golden_parts
from flawscope.train.lowering import with_int8
from flawscope.train.recipe import CertificateRecipe
from flawscope.values import (
    Certificate,
    Choice,
    Limits,
    Manifest,
    Policy,
    Precision,
    Replay,
    Stage,
)

GOLDEN, VALIDATION = "golden", "validation"

_MOST_ASKED = 0.75
"""Asked again more often than this, low precision gains nothing, whatever the parts are like."""

_RENDERED = 2.0
"""Low precision strays about twice as far on photographs as on rendered parts: of the base model,
logits stray by 0.15 on 435 photographs and by 0.07 on 160 rendered parts (standard deviations)."""

Told = Callable[[str], None]
Raw = dict[str, Mapping[str, Sequence[Said]]]


@dataclass(frozen=True, slots=True)
class Certified:
    """A model's manifest and members with what was proved of them.

    Attributes:
        manifest: with its certificate, and the variants that it covers.
        members: graphs, variants and golden pictures, by name.
        refused: what is not in the certificate, and why, a sentence each.
    """

    manifest: Manifest
    members: dict[str, bytes]
    refused: tuple[str, ...]


@dataclass
class _Trial:
    """What choices are tried on, and what was measured on the way."""

    manifest: Manifest
    members: Mapping[str, bytes]
    sets: Mapping[str, Golden]
    limits: Limits
    threads: int = field(default_factory=usable_threads)
    raw: Raw = field(default_factory=dict)


def certify(
    manifest: Manifest,
    graphs: Mapping[str, bytes],
    eager: Mapping[str, Graph],
    validation: Sequence[Case],
    options: CertificateRecipe,
    *,
    told: Told = lambda _what: None,
) -> Certified:
    """Replays golden and validation pictures through PyTorch and every choice there is here.

    Args:
        manifest: of a model in float32; its policy is final.
        graphs: its members, by name.
        eager: its stages in PyTorch.
        validation: labelled photographs, which do not go into the file; may be empty.
        options: how many golden pictures, which limits, whether to try INT8.
        told: what is being done.

    Returns:
        What is certified. Without any golden pictures, nothing is.
    """
    if not options.pictures:
        return Certified(manifest, dict(graphs), ())
    told("asking PyTorch")
    # Golden answers outlive this policy, and show every mask; the others are needed here alone.
    asked = (
        (GOLDEN, golden_parts(options.pictures), for_reference(manifest)),
        (VALIDATION, validation, for_replay(manifest)),
    )
    sets = {
        name: Golden(cases, replay(Cascade(how, eager), cases))
        for name, cases, how in asked
        if cases
    }
    members = dict(graphs)
    refused: list[str] = []
    if options.int8:
        told("making INT8 variants")
        pictures = [case for one in sets.values() for case in one.cases[: options.calibrated]]
        manifest, members, refused = with_int8(manifest, members, pictures)
    limits = Limits(flips=options.flips, drop=options.drop, overlap=options.overlap)
    trial = _Trial(manifest, members, sets, limits)
    kept: list[Choice] = []
    for choice in possible_choices(manifest):
        told(f"replaying {choice}")
        tried, faults = _tried(trial, choice)
        if faults:
            refused.append(f"{choice} is not certified: {'; '.join(faults)}")
        else:
            kept.append(tried)
    manifest, members = _without_unused(manifest, members, kept)
    if kept:
        members |= golden_members(sets[GOLDEN].cases, sets[GOLDEN].answers)
        manifest = manifest.model_copy(update={"certificate": _certificate(trial.limits, kept)})
    return Certified(manifest, members, tuple(refused))


def possible_choices(manifest: Manifest) -> list[Choice]:
    """Every choice that this machine can run, the most precise first.

    Stages that locate are never more precise than the others: they cost most, and less hangs on
    them.
    """
    order = list(Precision)
    found: dict[str, Choice] = {}
    for engine in installed_engines():
        able = [one for one in order if one in precisions_of(engine)]
        for judging in able:
            for locating in able[able.index(judging) :]:
                wanted = {
                    stage.name: locating if stage.channels else judging for stage in manifest.stages
                }
                choice = Choice(
                    engine=engine,
                    precisions={
                        stage.name: _precision(stage, wanted[stage.name])
                        for stage in manifest.stages
                    },
                )
                if {judging, locating} <= set(choice.precisions.values()) | {Precision.FLOAT32}:
                    found.setdefault(str(choice), choice)
    return list(found.values())


def _precision(stage: Stage, wanted: Precision) -> Precision:
    """INT8 takes a graph of its own; without one it is float32."""
    lacks = wanted is Precision.INT8 and wanted not in stage.variants
    return Precision.FLOAT32 if lacks else wanted


def _tried(trial: _Trial, choice: Choice) -> tuple[Choice, list[str]]:
    """A choice with its margin and replays, and the limits that it breaks."""
    manifest, read, threads = trial.manifest, trial.members.__getitem__, trial.threads
    try:
        running = Running(manifest, read, choice, threads)
        graphs = running.graphs()
        raw = _raw(trial, choice, graphs)
        choice = choice.model_copy(update={"margin": _margin(trial, choice, raw)})
        guard = replace(running, choice=choice).guard()
        guarded = Cascade(for_replay(manifest), graphs, guard)
        replays = {
            name: compared(
                one.cases, one.answers, replay(guarded, one.cases), raw[name], manifest.policy
            )
            for name, one in trial.sets.items()
        }
    except EngineError as error:
        return choice, [str(error)]
    faults = [
        f"{fault} ({name} pictures)"
        for name, found in replays.items()
        for fault in broken_limits(found, trial.limits)
    ]
    return choice.model_copy(update={"replays": replays}), faults


def _raw(
    trial: _Trial, choice: Choice, graphs: Mapping[str, Graph]
) -> Mapping[str, Sequence[Said]]:
    """Scores and kinds, with nothing asked again; they hang on the judging stages alone."""
    key = f"{choice.engine} {_judging(trial.manifest, choice)}"
    if key not in trial.raw:
        cascade = Cascade(trial.manifest, graphs)
        trial.raw[key] = {name: weighed(cascade, one.cases) for name, one in trial.sets.items()}
    return trial.raw[key]


def _judging(manifest: Manifest, choice: Choice) -> list[Precision]:
    return [choice.precisions[stage.name] for stage in manifest.judging]


def _margin(trial: _Trial, choice: Choice, raw: Mapping[str, Sequence[Said]]) -> float:
    if set(_judging(trial.manifest, choice)) == {Precision.FLOAT32}:
        return 0.0
    # Half of what is allowed, as pictures elsewhere will be harder than some of these; the wider
    # one, as photographs may be few.
    policy, flips = trial.manifest.policy, trial.limits.flips / 2
    widest = 0.0
    for name, one in trial.sets.items():
        strays = list(_strays(one.answers, raw[name], policy))
        for right, low, edges in strays:
            widest = max(widest, margin_for(right, low, edges, flips / len(strays)))
    return widest if VALIDATION in trial.sets else _RENDERED * widest


def _strays(
    reference: Sequence[Said], raw: Sequence[Said], policy: Policy
) -> Iterator[tuple[list[float], list[float], Sequence[float]]]:
    """What should be said, what is said in low precision, and the edges between what it means.

    The screen's first answer decides which parts are turned, where any are; with a second look, its
    answer decides which are located, and the score of those the rest.
    """
    both = list(zip(reference, raw, strict=True))
    if policy.turned_from is not None:
        firsts = [
            pair for right, low in both for pair in zip(right.firsts, low.firsts, strict=True)
        ]
        yield *_apart(firsts), [policy.turned_from]
        both = [pair for pair in both if same_views(*pair, policy)]
    if policy.second_look is not None:
        screens = [(right.screen or 0.0, low.screen or 0.0) for right, low in both]
        yield *_apart(screens), [policy.located_from]
        least = policy.located_from
        both = [pair for pair, pair_of in zip(both, screens, strict=True) if min(pair_of) >= least]
    if both:
        yield *_apart([(right.score, low.score) for right, low in both]), edges_of(policy)


def _apart(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


def broken_limits(found: Replay, limits: Limits) -> Iterator[str]:
    """Each limit that a replay breaks, in words."""
    if len(found.flipped) > limits.flips * found.pictures:
        yield flips_in_words(found)
    for name, change in (("F1", found.f1_change), ("Dice", found.dice_change)):
        if change is not None and change < -limits.drop:
            yield f"{name} fell by {-100 * change:.2f} points"
    if found.mask_iou is not None and found.mask_iou < limits.overlap:
        yield f"masks have an IoU of {found.mask_iou:.3f} with PyTorch's"
    if found.asked_again > _MOST_ASKED:
        yield (
            f"it gains nothing, as {found.asked_again:.0%} of the pictures had to be asked again in"
            f" float32; else {len(found.unguarded)} of {found.pictures} verdicts would have"
            f" flipped: {named(found.unguarded)}"
        )


def _without_unused(
    manifest: Manifest, members: Mapping[str, bytes], kept: Sequence[Choice]
) -> tuple[Manifest, dict[str, bytes]]:
    """Variants go that no certified choice runs."""
    stages = []
    for stage in manifest.stages:
        used = {choice.precisions[stage.name] for choice in kept}
        variants = {one: name for one, name in stage.variants.items() if one in used}
        stages.append(stage.model_copy(update={"variants": variants}))
    slim = manifest.model_copy(update={"stages": tuple(stages)})
    gone = manifest.graphs - slim.graphs
    return slim, {name: data for name, data in members.items() if name not in gone}


def _certificate(limits: Limits, kept: Sequence[Choice]) -> Certificate:
    packages = ("torch", *installed_engines())
    return Certificate(
        limits=limits,
        choices=tuple(kept),
        machine=f"{platform.machine()}, {usable_threads()} cores",
        versions={name: importlib.metadata.version(name) for name in packages},
    )
