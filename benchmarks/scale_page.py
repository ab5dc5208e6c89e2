"""Writes docs/scale.md from the figures that scale.py left.

python benchmarks/scale_page.py [--price 0.10]

--price is what a machine costs an hour, in any currency; without it the page gives the formula.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from flawscope.files import write_text

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "scale.md"
COUNTS = {"a million": 10**6, "a billion": 10**9}
DAY = 86_400

PAGE_TEXT = """\
# Past one machine

```console
$ pip install "flawscope[ray]"
$ flawscope inspect parts/ --engine ray --workers 2 --results results.jsonl
```

`--engine ray` is the same inspector in several processes: actors of [Ray](https://docs.ray.io), each with a core of its own (`--threads`
gives it more). Without `RAY_ADDRESS` a Ray of this machine's own is started for the run and ended with it; with it the command
connects to that cluster, and nothing else changes:

```console
$ RAY_ADDRESS=head-node:6379 flawscope inspect s3://bucket/line-2 --engine ray --workers 64 --results results.jsonl
```

| what | how |
|---|---|
| the model | its bytes are sent to the workers through Ray's object store as the run begins; the file may be replaced meanwhile |
| pictures | workers read them by their addresses: `s3://` and the like from anywhere, paths where the machine has them |
| the engine | each worker measures which is faster on its machine; `--engine ray:openvino` names it |
| results | come back to the command in whatever order they are done, and go where those of a plain run go: the screen, `--results`, `--out`. `--resume` goes on with either kind of run by the other |
| memory | addresses are taken as they are needed; a worker has at most {places} orders of {order} pictures |
| a killed worker | is started again and its pictures are inspected again; each is in the results once. A picture that ends its worker whenever it is tried becomes an error of its own |
| workers without room | those that a cluster has no cores for begin once it has |
| Ctrl-C | ends the run; `--resume` goes on with it |

Every machine of a cluster needs the same version of flawscope, and the extra of its store (`flawscope[ray,s3]`). Ray is told to report
nothing to its makers. Ray Data, which sits on the same actors, wants to know all its rows before it begins; here a list may be
as long as it likes, or not yet at its end.

## What was measured

`{command}`: {pictures} rendered strips of {height} × {width} pixels, {share:g} % of them defective, {bytes_each} a file; the shipped model, as it was after its first round, on
{engine}, in float32 unless the model says otherwise; {cores} cores of a server CPU ({machine}). All three were run in turn, {rounds} times; medians,
and the range of the rounds.

| | pictures a second |
|---|---|
| this process, one thread, without Ray | {one_process} |
| one Ray worker of one core | {one_worker} |
| two Ray workers of one core each | {two_workers} |

| ratio within a round | |
|---|---|
| **two workers against one** | **{two_against_one}** |
| one worker against no Ray | {against_plain} |

The load of the machine in the quarter of an hour before was {load}; on one that has other work the paces are too low.

## What a million costs, and a billion

From the pace of two workers: {pace:.2f} pictures a second on this machine of {cores} cores, {pace_core:.2f} a core.

| | {names} |
|---|{rules}
{rows}

Machines are as this one. A run that writes results costs its own process {driving} ms of a core a picture, so one keeps up with about {keeps_up:,.0f} pictures
a second; beyond that, split the list of addresses into as many runs as the last row says, each with results of its own. Each worker takes
{worker} of memory, and {model} once to receive the model.

**Price.** With `price` for a machine of {cores} cores an hour:

    price of N pictures = N / {pace:.2f} / 3600 × price

to which a store adds what it asks for N requests and for the bytes that leave it.{priced}

Larger pictures take longer in proportion to their pixels, and defective ones longer than good ones: measure with your own pictures
(`flawscope bench --images DIR`) and put that pace in the place of this one. This page is written by `python benchmarks/scale_page.py` from
`benchmarks/results/scale.json`.
"""  # noqa: RUF001 - the sign of multiplication is meant


def amount(count: float) -> str:
    """Bytes, with three digits."""
    units = ("bytes", "kB", "MB", "GB", "TB", "PB")
    power = min(int(math.log10(max(count, 1)) // 3), len(units) - 1)
    return f"{count / 1000**power:.3g} {units[power]}"


def ranged(found: dict[str, float]) -> str:
    """A median with its range."""
    return f"{found['median']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def rows_of(results: dict[str, Any], pace: float, keeps_up: float) -> list[tuple[str, list[str]]]:
    """What each number of pictures costs."""
    counts = COUNTS.values()
    read, kept = results["bytes_per_picture"], results["bytes_per_result"]
    return [
        ("hours on this machine", [f"{count / pace / 3600:,.0f}" for count in counts]),
        (
            "machines to be done in a day",
            [f"{math.ceil(count / pace / DAY):,}" for count in counts],
        ),
        ("pictures to read", [amount(count * read) for count in counts]),
        ("read a second, done in a day", [amount(count * read / DAY) for count in counts]),
        ("of which each machine", [amount(min(pace, count / DAY) * read) for count in counts]),
        ("results, as JSON Lines", [amount(count * kept) for count in counts]),
        (
            "runs side by side, done in a day",
            [f"{math.ceil(count / DAY / keeps_up):,}" for count in counts],
        ),
    ]


def page(results: dict[str, Any], price: float | None) -> str:
    """The whole page."""
    from flawscope.batch import crew

    pace = results["images_per_second"]["two_workers"]["median"]
    driving = results["driver_seconds_per_picture"]["median"]
    priced = ""
    if price is not None:
        each = ", ".join(
            f"{name} cost {count / pace / 3600 * price:,.2f}" for name, count in COUNTS.items()
        )
        priced = f" At {price:g} an hour {each}."
    height, width = results["size"]
    paces = results["images_per_second"]
    return PAGE_TEXT.format(
        **{name: ranged(paces[name]) for name in ("one_process", "one_worker", "two_workers")},
        **{name: results[name] for name in ("command", "pictures", "rounds", "engine", "cores")},
        places=crew.PLACES,
        order=crew.ORDER,
        height=height,
        width=width,
        share=100 * results["defective_share"],
        machine=results["machine"],
        bytes_each=amount(results["bytes_per_picture"]),
        two_against_one=ranged(results["two_against_one"]),
        against_plain=ranged(results["one_worker_against_one_process"]),
        load=results["load_before"],
        pace=pace,
        pace_core=pace / 2,
        names=" | ".join(COUNTS),
        rules="---|" * len(COUNTS),
        rows="\n".join(
            f"| {name} | {' | '.join(cells)} |"
            for name, cells in rows_of(results, pace, 1 / driving)
        ),
        driving=f"{driving * 1000:.1f}",
        keeps_up=1 / driving,
        worker=amount(results["worker_peak_bytes"]),
        model=amount(results["model_bytes"]),
        priced=priced,
    )


def main() -> None:
    """Writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--price", type=float, default=None)
    asked = parser.parse_args()
    results = json.loads((HERE / "results" / "scale.json").read_text(encoding="utf-8"))
    write_text(PAGE, page(results, asked.price))


if __name__ == "__main__":
    main()
