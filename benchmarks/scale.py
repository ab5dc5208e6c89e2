"""Two Ray workers of one core each against one, and one against no Ray at all.

python benchmarks/scale.py [--pictures 96] [--rounds 7] [--model MODEL]
python benchmarks/scale_page.py

Renders strips of 256 x 1600, one in twenty defective, hires both crews on one Ray, and lets them
and an inspector of this process inspect all of them in turn. The figures go to
benchmarks/results/scale.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ray

from flawscope.batch import Crew, Outcome, examined, line_of
from flawscope.bundle import shipped_model
from flawscope.files import write_text
from flawscope.images import save_image
from flawscope.runtime import Inspector
from flawscope.synth import render

RESULTS = Path(__file__).parent / "results" / "scale.json"
SIZE = (256, 1600)
DEFECTIVE_EVERY = 20
STORE_BYTES = 256_000_000

Pass = Callable[[list[str]], Iterator[Outcome]]


def drawn(folder: Path, count: int) -> list[str]:
    """Addresses of rendered strips of rolled metal, as JPEG files."""
    paths = []
    for number in range(count):
        kinds = ("scratch",) if number % DEFECTIVE_EVERY == 0 else ()
        path = folder / f"{number:04}.jpg"
        save_image(render(number, surface="rolled", defects=kinds, size=SIZE).image, path)
        paths.append(str(path))
    return paths


def timed(inspect: Pass, paths: list[str]) -> tuple[float, float, list[Outcome]]:
    """Wall seconds, seconds of this process's cores, and what came of the pictures."""
    wall, cores = time.perf_counter(), time.process_time()
    outcomes = list(inspect(paths))
    wall, cores = time.perf_counter() - wall, time.process_time() - cores
    assert len(outcomes) == len(paths)
    assert all(one.inspection is not None for one in outcomes)
    return wall, cores, outcomes


def spread(values: list[float]) -> dict[str, float]:
    """Median and range of the rounds."""
    return {
        "median": round(statistics.median(values), 4),
        "low": round(min(values), 4),
        "high": round(max(values), 4),
    }


def peak_bytes(_worker: Any) -> int:
    """Of a worker's process, called in it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measured(passes: dict[str, Pass], paths: list[str], rounds: int) -> dict[str, Any]:
    """Pace of each pass over the pictures, all of them in turn in each round."""
    for inspect in passes.values():  # the first pass warms up
        list(inspect(paths[:16]))
    seconds: dict[str, list[float]] = {name: [] for name in passes}
    driving: list[float] = []
    outcomes: list[Outcome] = []
    for number in range(rounds):
        names = list(passes) if number % 2 == 0 else list(reversed(passes))
        for name in names:
            wall, cores, outcomes = timed(passes[name], paths)
            seconds[name].append(wall)
            if name == "two_workers":
                driving.append(cores / len(paths))
            print(f"round {number + 1}: {name} {len(paths) / wall:.2f} a second", flush=True)
    pairs = zip(seconds["one_worker"], seconds["two_workers"], strict=True)
    plain = zip(seconds["one_process"], seconds["one_worker"], strict=True)
    lines = [len(json.dumps(line_of(one))) + 1 for one in outcomes]
    return {
        "images_per_second": {
            name: spread([len(paths) / one for one in found]) for name, found in seconds.items()
        },
        "two_against_one": spread([one / two for one, two in pairs]),
        "one_worker_against_one_process": spread([process / worker for process, worker in plain]),
        "driver_seconds_per_picture": spread(driving),
        "bytes_per_result": round(statistics.mean(lines)),
    }


def main() -> None:
    """Measures and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--model", type=Path, default=None)
    asked = parser.parse_args()
    model = asked.model or shipped_model()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=3,  # one crew rests while the other works
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=STORE_BYTES,
    )
    inspector = Inspector.load(model, threads=1)
    options = {"engine": inspector.engine, "threads": 1}
    with (
        tempfile.TemporaryDirectory() as folder,
        Crew.hired(model, workers=1, **options) as one,
        Crew.hired(model, workers=2, **options) as two,
    ):
        paths = drawn(Path(folder), asked.pictures)
        passes: dict[str, Pass] = {
            "one_process": lambda given: examined(inspector, given),
            "one_worker": one.examined,
            "two_workers": two.examined,
        }
        found = measured(passes, paths, asked.rounds)
        worker = ray.get(one.workers[0].__ray_call__.remote(peak_bytes))
        sizes = [Path(path).stat().st_size for path in paths]
    results = {
        "command": f"python benchmarks/scale.py --pictures {asked.pictures} --rounds {asked.rounds}",
        "model": inspector.digest,
        "model_bytes": Path(model).stat().st_size,
        "engine": inspector.engine,
        "pictures": asked.pictures,
        "rounds": asked.rounds,
        "size": SIZE,
        "defective_share": 1 / DEFECTIVE_EVERY,
        "bytes_per_picture": round(statistics.mean(sizes)),
        "worker_peak_bytes": worker,
        **found,
        "cores": os.cpu_count(),
        "load_before": round(os.getloadavg()[2], 2),
        "machine": platform.machine(),
        "ray": ray.__version__,
    }
    write_text(RESULTS, json.dumps(results, indent=2) + "\n")
    print(f"two workers against one: {results['two_against_one']}")


if __name__ == "__main__":
    main()
