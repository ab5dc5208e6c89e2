"""How near an inspection's pace comes to the bare network's, how soon it starts, what it holds.

    python benchmarks/performance.py [--rounds N] [--parts N] [--model MODEL] [--engine NAME]

Renders parts of 256 x 1600 and 512 x 512 pixels, good and defective, and measures in turn, in one
process, so that whatever else the machine does bears on both sides of a ratio:

- *bare*: the network's graphs alone, given the very tensors that the inspection gave them, which lie
  in memory;
- *end to end*: from JPEG files to lines of JSON, by ``Inspector.inspect_many``.

Good parts are inspected under a policy that accepts every part, so that they cost what good parts do
whatever the model thinks of them; defective ones under the model's own. Both sides are run for one image at a time on all cores, and for as many at a time as there are cores. Then
it starts fresh processes, for the command's start and the first verdict, and inspects ``--parts``
and ten times as many small parts for the memory. ``benchmarks/results/performance.json`` gets
medians over the rounds, with their lowest and highest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flawscope.bundle import Bundle, edited, shipped_model
from flawscope.files import write_text
from flawscope.images import open_image, save_image
from flawscope.runtime import (
    ENGINES,
    Cascade,
    Clock,
    Examination,
    Inspector,
    load_graph,
    record,
    usable_threads,
)
from flawscope.runtime.defects import find_defects
from flawscope.runtime.engines import Graph, Tensors, batch_streams
from flawscope.runtime.words import reasons
from flawscope.synth import DEFECTS, render
from flawscope.values import Inspection, Size

RESULTS = Path(__file__).parent / "results"
SIZES = ((256, 1600), (512, 512))
PARTS = 8
SMALL = (64, 96)
LENIENT = {
    "policy.accept_below": 1.0,
    "policy.reject_above": 1.0,
    "policy.turned_from": "none",
    "policy.second_look": "none",
}

FIRST = """
import sys, time
start = time.perf_counter()
from flawscope import Inspector
imported = time.perf_counter()
inspector = Inspector.load(sys.argv[1], engine=sys.argv[3] if sys.argv[3:] else None)
loaded = time.perf_counter()
inspector.inspect(sys.argv[2])
done = time.perf_counter()
print(imported - start, loaded - imported, done - loaded)
"""

PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A small process in between: the peak of a process begins at what its parent holds."""

Call = tuple[str, Mapping[str, NDArray[Any]]]
"""A stage, and the tensors that it is given."""


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    figures = {"median": median(ordered), "low": ordered[0], "high": ordered[-1]}
    return {name: round(value, 4) for name, value in figures.items()}


def rendered(folder: Path, *, good: bool, size: tuple[int, int]) -> list[Path]:
    """Parts as JPEG files."""
    paths = []
    for seed in range(PARTS):
        kinds = () if good else (DEFECTS[seed % len(DEFECTS)], DEFECTS[(seed + 3) % len(DEFECTS)])
        path = folder / f"{size[0]}x{size[1]}-{'good' if good else 'defective'}-{seed}.jpg"
        save_image(render(seed, size=size, defects=kinds).image, path, quality=92)
        paths.append(path)
    return paths


class Network:
    """A model's graphs alone."""

    def __init__(self, bundle: Bundle, engine: str, threads: int, streams: int) -> None:
        self.manifest, self.streams = bundle.manifest, streams
        self.graphs: dict[str, Graph] = {
            stage.name: load_graph(
                engine, bundle.read(stage.graph), threads, stage.graph, streams=streams
            )
            for stage in bundle.manifest.stages
        }

    def calls(self, path: Path) -> list[Call]:
        """What an inspection of a picture would have it compute."""
        made: list[Call] = []

        def recording(name: str) -> Graph:
            def run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
                made.append((name, {key: np.array(tensor) for key, tensor in tensors.items()}))
                return self.graphs[name](tensors)

            return run

        cascade = Cascade(self.manifest, {name: recording(name) for name in self.graphs})
        cascade.ask(open_image(path), Clock())
        return made

    def compute(self, pictures: list[list[Call]]) -> None:
        def compute(calls: list[Call]) -> None:
            for name, tensors in calls:
                self.graphs[name](tensors)

        with ThreadPoolExecutor(self.streams) as pool:
            for _ in pool.map(compute, pictures):
                pass


def end_to_end(inspector: Inspector, paths: list[Path]) -> None:
    for found in inspector.inspect_many(paths):
        assert isinstance(found, Examination)
        json.dumps(record(found.inspection))


def timed(what: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and those of all cores together."""
    wall, cpu = time.perf_counter(), time.process_time()
    what()
    return time.perf_counter() - wall, time.process_time() - cpu


def compared(
    bundle: Bundle, engine: str, streams: int, paths: list[Path], rounds: int
) -> dict[str, Any]:
    """Images a second of both sides, in turn, and how the sides compare."""
    cores = usable_threads()
    network = Network(bundle, engine, cores, streams)
    inspector = Inspector.load(
        bundle.path, engine=engine, threads=cores, streams=streams, precision="float32"
    )
    calls = [network.calls(path) for path in paths]
    network.compute(calls)  # twice each, to compile
    end_to_end(inspector, paths)
    pairs = []
    for _ in range(rounds):
        bare = timed(lambda: network.compute(calls))
        pairs.append((bare, timed(lambda: end_to_end(inspector, paths))))
    count = len(paths)
    return {
        "images": count,
        "network_images_per_second": spread([count / bare[0] for bare, _ in pairs]),
        "images_per_second": spread([count / whole[0] for _, whole in pairs]),
        "ratio": spread([bare[0] / whole[0] for bare, whole in pairs]),
        "network_share_of_cpu": spread([bare[1] / whole[1] for bare, whole in pairs]),
    }


def pace(work: Path, bundle: Bundle, engine: str, rounds: int) -> Iterator[tuple[str, Any]]:
    """By size, sort of part and mode."""
    lenient = Bundle.open(edited(bundle.path, work / "lenient.flaw", LENIENT))
    for size in SIZES:
        for good, one in ((True, lenient), (False, bundle)):
            paths = rendered(work, good=good, size=size)
            for streams in sorted({1, batch_streams(usable_threads())}):
                sort = "good" if good else "defective"
                name = f"{size[0]}x{size[1]}, {sort}, {streams} at a time"
                yield name, compared(one, engine, streams, paths, rounds)


def pieces(bundle: Bundle, engine: str, paths: list[Path]) -> dict[str, float]:
    """Milliseconds of one core that each piece of an inspection takes, the median over parts."""
    policy, spent = bundle.manifest.policy, Counter[str]()

    def timing(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            start = time.process_time()
            try:
                return work(*arguments)
            finally:
                spent[name] += time.process_time() - start

        return run

    cascade = Cascade(
        bundle.manifest,
        {
            stage.name: timing(
                f"network: {stage.name}",
                load_graph(engine, bundle.read(stage.graph), 1, stage.graph),
            )
            for stage in bundle.manifest.stages
        },
    )

    def inspected(path: Path) -> dict[str, float]:
        spent.clear()
        image = timing("open", open_image)(path)
        size = Size(*image.shape[:2])
        answer = timing("fit and maps", cascade.ask)(image, Clock())
        spent["fit and maps"] -= sum(spent[name] for name in spent if name.startswith("network"))
        defects, _ = timing("defects", find_defects)(answer, policy)
        said = timing("words", reasons)(answer.score, answer.kinds, defects, policy, size, None)
        verdict = policy.verdict(answer.score)
        found = Inspection("", size, verdict, answer.score, answer.kinds, defects, said, "")
        timing("JSON", json.dumps)(timing("record", record)(found))
        return dict(spent)

    for path in paths[:4]:
        inspected(path)  # to compile
    each = [inspected(path) for path in paths]
    return {name: round(median(1e3 * one.get(name, 0.0) for one in each), 2) for name in each[0]}


def started(rounds: int, model: Path, picture: Path) -> dict[str, Any]:
    """Seconds of fresh processes, from their start to their end.

    Which engine and precision are the fastest here is measured once and remembered, so that is
    done before.
    """
    chosen, *_ = (Inspector.load(model, engine=engine).choice for engine in (None, *ENGINES))
    first = ["-c", FIRST, str(model), str(picture)]
    commands = {
        "help": ["-m", "flawscope", "--help"],
        "import": ["-c", "import flawscope"],
        "first_verdict": first,
        **{f"first_verdict_{engine}": [*first, engine] for engine in ENGINES},
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    pieces: list[list[float]] = []
    for _ in range(rounds):
        for name, arguments in commands.items():
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, *arguments], check=True, capture_output=True, text=True
            )
            took[name].append(time.perf_counter() - start)
            if name == "first_verdict":
                pieces.append([float(piece) for piece in done.stdout.split()])
    names = ("import", "load", "inspect")
    shares = {
        name: spread(list(times))
        for name, times in zip(names, zip(*pieces, strict=True), strict=True)
    }
    return {
        "chosen": str(chosen),
        **{name: spread(times) for name, times in took.items()},
        "first_verdict_pieces": shares,
    }


def peak_bytes(model: Path, engine: str, folder: Path, parts: int) -> int:
    """Of ``flawscope inspect --json`` on so many small parts."""
    folder.mkdir()
    for number in range(parts):
        os.link(folder.parent / f"small-{number % PARTS}.jpg", folder / f"{number:06}.jpg")
    command = ["-m", "flawscope", "inspect", str(folder), "--model", str(model), "--engine", engine]
    done = subprocess.run(
        [sys.executable, "-c", PEAK, sys.executable, *command, "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout) * 1024


def memory(work: Path, model: Path, engine: str, parts: int) -> dict[str, Any]:
    for seed in range(PARTS):
        kinds = DEFECTS[: seed % 2]
        save_image(render(seed, size=SMALL, defects=kinds).image, work / f"small-{seed}.jpg")
    few, many = (
        peak_bytes(model, engine, work / f"parts-{count}", count) for count in (parts, 10 * parts)
    )
    return {
        "parts": [parts, 10 * parts],
        "peak_rss_mb": [round(few / 1e6, 1), round(many / 1e6, 1)],
        "ratio": round(many / few, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--parts", type=int, default=200, help="2000 takes some minutes; 0 keeps what was measured"
    )
    parser.add_argument("--model", type=Path, default=shipped_model())
    parser.add_argument("--engine", default="openvino")
    given = parser.parse_args()
    bundle = Bundle.open(given.model)
    out = RESULTS / "performance.json"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        found: dict[str, Any] = {
            "model": bundle.digest,
            "engine": given.engine,
            "cores": usable_threads(),
        }
        found["cpu_milliseconds"] = {
            f"{size[0]}x{size[1]}": pieces(
                bundle, given.engine, rendered(work, good=False, size=size)
            )
            for size in SIZES
        }
        found["pace"] = dict(pace(work, bundle, given.engine, given.rounds))
        picture = next(work.glob("256x1600-defective-*.jpg"))
        found["seconds"] = started(given.rounds, given.model, picture)
        if given.parts:
            found["memory"] = memory(work, given.model, given.engine, given.parts)
        else:
            found["memory"] = json.loads(out.read_text(encoding="utf-8"))["memory"]
    write_text(out, json.dumps(found, indent=1))
    print(out)


if __name__ == "__main__":
    main()
