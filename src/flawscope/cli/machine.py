"""What this machine can do: cores, memory, instruction sets, engines, extras, the shipped model."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from flawscope import __version__
from flawscope.bench import Setup
from flawscope.bundle import Bundle, shipped_model
from flawscope.errors import EngineError, ModelFileError
from flawscope.runtime.engines import ENGINES, usable_threads

EXTRAS = {
    "parquet": ("pyarrow",),
    "ray": ("ray",),
    "remote": ("fsspec",),
    "train": ("torch", "torchvision", "timm", "segmentation_models_pytorch", "accelerate", "onnx"),
}
"""The modules that each extra must bring for its features to work."""

INSTRUCTION_SETS = (
    "sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "avx_vnni",
    "amx_bf16", "amx_int8", "asimd", "asimddp", "bf16", "i8mm", "sve",
)  # fmt: skip
"""Those that change how fast a network runs, by their names in /proc/cpuinfo."""


def describe_machine(model: Path | None, setup: Setup) -> dict[str, Any]:
    """This machine as a JSON-able mapping; ``None`` where the system does not say.

    Args:
        model: whose ``variant`` is named; without one, the model that ships.
        setup: how it is run; what it leaves open is chosen as every command chooses it.

    Raises:
        ModelFileError: ``model`` is named, and refused.
    """
    return {
        "flawscope": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _cpu_info("model name") or platform.processor() or None,
        "cores": usable_threads(),
        "memory_bytes": _memory(),
        "instruction_sets": _instruction_sets(),
        "engines": {name: _version(name) for name in ENGINES},
        "extras": {name: {"missing": _missing(EXTRAS[name])} for name in EXTRAS},
        "model": _shipped_model(),
        "variant": _variant(model, setup),
    }


def _shipped_model() -> dict[str, str | None]:
    """Its digest, or why there is none."""
    try:
        return {"digest": Bundle.open(shipped_model()).digest, "error": None}
    except ModelFileError as error:
        return {"digest": None, "error": str(error)}


def _variant(model: Path | None, setup: Setup) -> dict[str, Any]:
    """What would run, or why nothing would."""
    variant = dict.fromkeys(
        ("name", "digest", "engine", "precisions", "threads", "streams", "error")
    )
    try:
        inspector = setup.load(model or shipped_model())
    except (EngineError, ModelFileError) as error:
        if model is not None and isinstance(error, ModelFileError):
            raise
        return {**variant, "error": str(error)}
    return {
        **variant,
        "name": inspector.manifest.name,
        "digest": inspector.digest,
        "engine": inspector.engine,
        "precisions": {stage: found.value for stage, found in inspector.precisions.items()},
        "threads": inspector.threads,
        "streams": inspector.streams,
    }


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _instruction_sets() -> list[str] | None:
    flags = _cpu_info("flags") or _cpu_info("Features")
    if flags is None:
        return None
    has = set(flags.split())
    return [name for name in INSTRUCTION_SETS if name in has]


def _cpu_info(key: str) -> str | None:
    """The first value of a key of Linux's /proc/cpuinfo."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return None
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _missing(modules: tuple[str, ...]) -> list[str]:
    return [name for name in modules if importlib.util.find_spec(name) is None]
