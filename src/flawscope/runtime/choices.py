"""Which engine, and which precision for each stage, a model is run with on this machine."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flawscope.bundle import Bundle, cache_folder
from flawscope.errors import EngineError
from flawscope.files import write_text
from flawscope.runtime.engines import (
    ENGINES,
    Graph,
    Tensors,
    installed_engines,
    load_graph,
    precisions_of,
    refuse_engine,
)
from flawscope.values import Choice, Manifest, Precision, Stage

AUTO: Final = "auto"
PRECISIONS = (AUTO, *Precision)
"""What may be asked for: the fastest that is certified, or one by name."""

_SIDE = 256
_RUNS = 7
"""A graph for one shape is ready by then; see ``engines``."""

_KEPT_SECONDS = 7 * 86400
"""A measurement may have been made while the machine was busy, so it does not hold for ever."""

_measured: dict[str, str] = {}
"""Choices made by measurement in this process."""


def in_float32(manifest: Manifest, engine: str) -> Choice:
    """The choice that every model file has the graphs of."""
    return Choice(
        engine=engine,
        precisions={stage.name: Precision.FLOAT32 for stage in manifest.stages},
    )


def usable_choices(manifest: Manifest, engines: Sequence[str]) -> tuple[Choice, ...]:
    """Float32 on each of some installed engines, then what is certified and computed here.

    An engine whose float32 a certificate was refused gives other answers, and is left out.
    """
    certified = manifest.certificate.choices if manifest.certificate else ()
    engines = [engine for engine in engines if not _is_refused(manifest, engine)]
    lower = (
        choice
        for choice in certified
        if choice.lowest is not Precision.FLOAT32
        and choice.engine in engines
        and set(choice.precisions.values()) <= precisions_of(choice.engine)
    )
    return (*(in_float32(manifest, engine) for engine in engines), *lower)


def _is_refused(manifest: Manifest, engine: str) -> bool:
    """Whether an engine was there when the certificate was made, which leaves it out."""
    proof = manifest.certificate
    return (
        proof is not None
        and engine in proof.versions
        and in_float32(manifest, engine).precisions
        not in [one.precisions for one in proof.choices if one.engine == engine]
    )


def choose(
    bundle: Bundle, threads: int, *, engine: str | None = None, precision: str = AUTO
) -> tuple[Choice, tuple[str, ...]]:
    """The fastest of the choices that fit, by a short measurement that is remembered.

    Args:
        bundle: the model.
        threads: to compute with.
        engine: the only one to consider; else every one that is installed.
        precision: one of ``PRECISIONS``. ``bfloat16`` and ``int8`` mean choices whose least
            precise stage is computed so.

    Returns:
        The choice, and what there is to say of it: a precision that cannot be had is replaced by
        float32.

    Raises:
        EngineError: an engine or precision is unknown, no engine is installed, or none runs the
            model as it should.
    """
    if precision not in PRECISIONS:
        raise EngineError(
            f"there is no precision {precision!r}", remedy=f"Choose from: {', '.join(PRECISIONS)}"
        )
    engines = _engines(engine)
    choices = usable_choices(bundle.manifest, engines)
    if not choices:
        raise EngineError(
            f"the model was found to answer otherwise on {' and '.join(engines)}, so its"
            " certificate leaves that out",
            where=bundle.path,
            remedy="Choose another --engine, or certify it here: flawscope export MODEL --out FILE",
        )
    notes: tuple[str, ...] = ()
    if precision != AUTO:
        fitting = tuple(choice for choice in choices if choice.lowest == precision)
        if not fitting:
            notes = (f"{_lack(bundle.manifest, engines, precision)}: float32 is used",)
            fitting = tuple(one for one in choices if one.lowest is Precision.FLOAT32)
        choices = fitting
    chosen = fastest(bundle, choices, threads)
    proof = bundle.manifest.certificate
    if proof is not None and chosen.engine not in proof.versions:
        notes = (*notes, f"the model's certificate knows nothing of {chosen.engine}")
    return chosen, notes


def _engines(engine: str | None) -> tuple[str, ...]:
    if engine is not None:
        refuse_engine(engine)
        return (engine,)
    engines = installed_engines()
    if not engines:
        raise EngineError(
            "no inference engine is installed", remedy=f"Run: pip install {next(iter(ENGINES))}"
        )
    return engines


def _lack(manifest: Manifest, engines: Sequence[str], precision: str) -> str:
    certified = manifest.certificate.choices if manifest.certificate else ()
    if not any(one.lowest == precision and one.engine in engines for one in certified):
        return f"the model has no certificate for {precision} on {' or '.join(engines)}"
    return f"this machine does not compute in {precision}"


def fastest(bundle: Bundle, choices: Sequence[Choice], threads: int) -> Choice:
    """The choice that answers soonest, stage by stage: what every part needs counts first.

    Raises:
        EngineError: none of them can run the model.
    """
    if len(choices) == 1:
        return choices[0]
    by_name = {str(choice): choice for choice in choices}
    key = _key(bundle.manifest, tuple(by_name), threads)
    name = _measured.get(key) or _remembered(key)
    if name not in by_name:
        name = str(_measure(bundle, choices, threads))
        _remember(key, name)
    _measured[key] = name
    return by_name[name]


def _measure(bundle: Bundle, choices: Sequence[Choice], threads: int) -> Choice:
    fit = bundle.manifest.input
    side = -(-max(_SIDE, fit.smallest) // fit.multiple) * fit.multiple
    tensors: dict[str, NDArray[Any]] = {"image": np.full((1, side, side, 3), 128, dtype=np.uint8)}
    left = list(choices)
    for stage in bundle.manifest.stages:
        if len(left) == 1:
            break
        options = dict.fromkeys((one.engine, one.precisions[stage.name]) for one in left)
        if len(options) == 1 and not _is_needed(stage, bundle.manifest.stages):
            continue
        times = {}
        for option in options:
            times[option], given = _timed(bundle, stage, option, tensors, threads)
        costs = dict(times)
        if stage in bundle.manifest.judging:
            for option in options:
                in_full = times.get((option[0], Precision.FLOAT32), 0.0)
                costs[option] += _again(left, stage, option) * in_full
        best = min(costs, key=lambda option: costs[option])
        left = [one for one in left if (one.engine, one.precisions[stage.name]) == best]
        tensors |= given
    return left[0]


def _again(choices: Sequence[Choice], stage: Stage, option: tuple[str, Precision]) -> float:
    """The share of pictures of which a stage is run again in float32, as far as is certified."""
    if option[1] is Precision.FLOAT32:
        return 0.0
    shares = []
    for choice in choices:
        if (choice.engine, choice.precisions[stage.name]) == option:
            # Photographs tell more than rendered parts.
            replay = choice.replays.get("validation") or choice.replays.get("golden")
            shares.append(replay.asked_again if replay else 0.0)
    return min(shares, default=0.0)


def _is_needed(stage: Stage, stages: Sequence[Stage]) -> bool:
    return any(set(stage.outputs) & set(later.inputs) for later in stages)


def _timed(
    bundle: Bundle,
    stage: Stage,
    option: tuple[str, Precision],
    tensors: Mapping[str, NDArray[Any]],
    threads: int,
) -> tuple[float, Tensors]:
    """Seconds that a stage takes, and what it gives."""
    engine, precision = option
    name = stage.graph_in(precision)
    run = load_graph(engine, bundle.read(name), threads, name, precision)
    return seconds(run, {name: tensors[name] for name in stage.inputs})


def seconds(run: Graph, tensors: Mapping[str, NDArray[Any]]) -> tuple[float, Tensors]:
    """The shortest time that a graph takes, in seconds, and what it gives."""
    times = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        given = run(tensors)
        times.append(time.perf_counter() - start)
    return min(times), {name: values.copy() for name, values in given.items()}


def _key(manifest: Manifest, names: Sequence[str], threads: int) -> str:
    engines = {engine: metadata.version(engine) for engine in installed_engines()}
    graphs = sorted(manifest.files[name].sha256 for name in manifest.graphs)
    proof = manifest.certificate.model_dump(mode="json") if manifest.certificate else None
    facts = [graphs, proof, names, threads, engines, platform.node(), platform.processor()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _kept(key: str) -> Path:
    return cache_folder() / "choices" / f"{key[:32]}.json"


def _remembered(key: str) -> str | None:
    """What an earlier process measured, if it is fresh."""
    try:
        content = json.loads(_kept(key).read_text(encoding="utf-8"))
        fresh = 0 <= time.time() - content["time"] < _KEPT_SECONDS
        return str(content["choice"]) if fresh else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(key: str, name: str) -> None:
    try:
        write_text(_kept(key), json.dumps({"choice": name, "time": time.time()}))
    except OSError:
        return  # It will be measured again.
