"""Every choice of engine and precision against float32 on the same engine: pace and verdicts.

    python benchmarks/precision.py FOLDER... [--model MODEL] [--most 100] [--threads N] [--json]

Choices take each picture in turn, in one process, so that what disturbs the machine disturbs all
of them; the figure is the median over pictures of the ratio of their times. Times are those of the
cascade, without opening the file and without defects. With --cpu they are processor seconds, which
other programs on the machine disturb little; give --threads 1 then.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from flawscope.bundle import Bundle, shipped_model
from flawscope.images import find_images, open_image
from flawscope.runtime import (
    Examination,
    Inspector,
    installed_engines,
    usable_choices,
    usable_threads,
)
from flawscope.values import Precision


def main() -> None:
    options = arguments()
    bundle = Bundle.open(options.model or shipped_model())
    choices = usable_choices(bundle.manifest, installed_engines())
    inspectors = {str(one): Inspector(bundle, one, options.threads) for one in choices}
    paths = [path for path in find_images(options.folders) if "mask" not in path.as_posix().lower()]
    paths = paths[:: max(1, len(paths) // options.most)][: options.most]
    clock = time.process_time if options.cpu else time.perf_counter
    times: dict[str, list[float]] = {name: [] for name in inspectors}
    found: dict[str, list[Examination]] = {name: [] for name in inspectors}
    for path in paths:
        image = open_image(path)
        for name, inspector in inspectors.items():
            best = float("inf")
            for _ in range(options.repeats):  # The first of a new size compiles for it.
                start = clock()
                examination = inspector.examine(image)
                best = min(best, clock() - start)
            times[name].append(best)
            found[name].append(examination)
    for name, choice in zip(inspectors, choices, strict=True):
        plain = f"{choice.engine} in {Precision.FLOAT32}"
        tell(options, name, plain, times, found)


def tell(options: argparse.Namespace, name: str, plain: str, times: dict, found: dict) -> None:
    ratios = [one / other for one, other in zip(times[plain], times[name], strict=True)]
    pairs = list(zip(found[plain], found[name], strict=True))
    count = len(pairs)
    row = {
        "choice": name,
        "pictures": count,
        "ratio": round(statistics.median(ratios), 3),
        "total_ratio": round(sum(times[plain]) / sum(times[name]), 3),
        "milliseconds": round(1e3 * statistics.median(times[name]), 2),
        "asked_again": sum(two.asked_again > 0 for _, two in pairs) / count,
        "flips": sum(one.inspection.verdict is not two.inspection.verdict for one, two in pairs),
        "accepted": sum(one.inspection.verdict.value == "accept" for one, _ in pairs) / count,
    }
    print(json.dumps(row) if options.json else "  ".join(f"{key} {row[key]}" for key in row))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--most", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=usable_threads())
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
