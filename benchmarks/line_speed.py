"""The shipped model beside the founding cascade, and what ``doctor`` predicted of it.

    python benchmarks/line_speed.py [--seconds N] [--size HxW]...

For each size it asks ``flawscope doctor`` for a prediction, runs ``flawscope bench --against
founding``, asks again, and leaves what they said in ``benchmarks/results/bench.json``, whole; then
``benchmarks/performance_page.py`` writes the figures into docs/performance.md. Needs the [train] extra.
Nothing else should be running meanwhile: ratios bear it, images a second do not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from flawscope.files import write_text

RESULT = Path(__file__).parent / "results" / "bench.json"
SIZES = ("256x1600", "512x512")
SECONDS = 120.0


def said(*arguments: str) -> dict[str, Any]:
    """What a command says with ``--json``; its notes and progress go to stderr as ever."""
    ran = subprocess.run(
        [sys.executable, "-m", "flawscope", *arguments, "--json"],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(ran.stdout)


def measured(size: str, seconds: float) -> dict[str, Any]:
    """One size: predicted, measured, predicted again."""
    before = said("doctor", "--size", size)
    found = said("bench", "--against", "founding", "--size", size, "--seconds", f"{seconds:g}")
    after = said("doctor", "--size", size)
    return {
        "machine": {key: before[key] for key in ("processor", "cores", "instruction_sets")},
        "predicted": [told["prediction"]["images_per_second"] for told in (before, after)],
        "bench": found,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--size", action="append", dest="sizes")
    options = parser.parse_args()
    sizes = {size: measured(size, options.seconds) for size in options.sizes or SIZES}
    result = {"seconds": options.seconds, "sizes": sizes}
    write_text(RESULT, json.dumps(result, indent=2) + "\n")
    print(RESULT)


if __name__ == "__main__":
    main()
