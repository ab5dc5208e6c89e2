"""Writes the measured figures into docs/performance.md, between the marks that name their results.

    python benchmarks/performance_page.py

``<!-- figures: NAME -->`` in the page begins the figures of a section, and ``<!-- /figures -->`` ends
them. Results that are not there leave what is between as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flawscope.files import write_text
from page import table

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "performance.md"
MARKED = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)


def bench(results: dict[str, Any]) -> str:
    """The shipped model against the founding cascade, by size and share."""
    rows = [
        f"| {_by(size)} | {float(share):.0%} | {found['images_per_second']:.1f}"
        f" | {found['against_images_per_second']:.2f}"
        f" | {found['ratio']:.1f} ({found['ratio_low']:.1f} to {found['ratio_high']:.1f})"
        f" | {_predicted(of_size, share)} |"
        for size, of_size in results["sizes"].items()
        for share, found in of_size["bench"]["shares"].items()
    ]
    return "\n".join(
        [
            f"`python benchmarks/line_speed.py --seconds {results['seconds']:g}`",
            "",
            "| pictures | defective | images a second | founding | times as fast | predicted |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            *(_words(size, of_size) for size, of_size in results["sizes"].items()),
        ]
    )


def _by(size: str) -> str:
    return size.replace("x", " \N{MULTIPLICATION SIGN} ")


def _predicted(of_size: dict[str, Any], share: str) -> str:
    """Images a second that ``doctor`` foretold, before and after, against those measured."""
    rate = of_size["bench"]["shares"][share]["images_per_second"]
    return " and ".join(f"{told[share] / rate - 1:+.0%}" for told in of_size["predicted"])


def _words(size: str, of_size: dict[str, Any]) -> str:
    found = of_size["bench"]
    model, latency, machine = found["model"], found["latency_ms"], of_size["machine"]
    stages = "; ".join(
        f"{sort} {', '.join(f'{stage} {spent:.1f}' for stage, spent in by_stage.items())}"
        for sort, by_stage in found["stages_ms"].items()
    )
    precisions = ", ".join(f"{stage} {kind}" for stage, kind in model["precisions"].items())
    percentiles = ", ".join(f"{name} {value:.0f}" for name, value in latency.items())
    return (
        f"- {_by(size)}: {found['rounds']} rounds on {machine['cores']} cores"
        f" ({machine['processor']}), {model['engine']} ({precisions}); one part at a time {percentiles} ms;"
        f" mean ms by stage: {stages}; peak memory {found['peak_rss_mb']:.0f} MB."
    )


def performance(results: dict[str, Any]) -> str:
    """The pace beside the bare network's, the start, and the memory."""

    def spread(figure: dict[str, float], digits: int) -> str:
        middle, low, high = (f"{figure[name]:.{digits}f}" for name in ("median", "low", "high"))
        return f"{middle} ({low} to {high})"

    rows = [
        f"| {_by(name)} | {spread(found['network_images_per_second'], 1)}"
        f" | {spread(found['images_per_second'], 1)} | {spread(found['ratio'], 2)}"
        f" | {spread(found['network_share_of_cpu'], 2)} |"
        for name, found in results["pace"].items()
    ]
    seconds, memory = results["seconds"], results["memory"]
    (few, many), (first, second) = memory["parts"], memory["peak_rss_mb"]
    lines = (
        f"`python benchmarks/performance.py`, on {results['cores']} cores, {results['engine']}; medians of the rounds, with the lowest and the highest.",
        "",
        "| parts | network, images a second | end to end | ratio | network's share of processor time |",
        "|---|---|---|---|---|",
        *rows,
        "",
        f"- `flawscope --help`: {spread(seconds['help'], 2)} s; `import flawscope`: {spread(seconds['import'], 2)} s.",
        f"- First verdict of a fresh process, model from disk, by what is chosen on this machine ({seconds['chosen']}): {spread(seconds['first_verdict'], 2)} s; OpenVINO {spread(seconds['first_verdict_openvino'], 2)} s, ONNX Runtime {spread(seconds['first_verdict_onnxruntime'], 2)} s.",
        f"- Peak memory of `inspect --json`: {first:.0f} MB for {few:,} parts, {second:.0f} MB for {many:,}: {memory['ratio']:.2f} times as much.",
    )
    return "\n".join(lines)


PIECES = {
    "open": "open the image",
    "network: encoder": "network: encoder",
    "network: decoder": "network: decoder",
    "fit and maps": "fit, tiles, keeping and stitching the maps",
    "defects": "defects out of maps",
    "words": "reasons in words",
    "record": "record with outlines and run lengths",
    "JSON": "JSON",
}


def pieces(results: dict[str, Any]) -> str:
    """Where the time of a defective part goes, by size."""
    sizes = results["cpu_milliseconds"]
    shares = [
        sum(spent for name, spent in by_piece.items() if name.startswith("network"))
        / sum(by_piece.values())
        for by_piece in sizes.values()
    ]
    rows = [
        (title, *(f"{by_piece[name]:.1f}" for by_piece in sizes.values()))
        for name, title in PIECES.items()
    ]
    total = ("**the network's share of it all**", *(f"**{share:.2f}**" for share in shares))
    return "\n".join(table(("piece", *map(_by, sizes)), [*rows, total]))


LINES = (
    ("a good part", 0.0, 0),
    ("a line with 5 % defective", 0.05, 2),
    ("the same, none turned", 0.05, 1),
    ("all defective", 1.0, 2),
    ("the same, none turned", 1.0, 1),
)
"""Names, the shares of defective parts, and how many views such a part takes."""


def operations(results: dict[str, Any]) -> str:
    """Multiply-adds a part on lines of both sides, and their ratio."""
    heads = ["multiply-adds a part"]
    for size in results["billions"]:
        heads += [f"{_by(size)}, billions", "founding", "times as few"]
    rows = []
    for line, defective, views in LINES:
        good, cells = 1.0 - defective, [line]
        for networks in results["billions"].values():
            shared, founding = networks["shared"], networks["founding"]
            ours = good * shared["encoder and heads"] + defective * views * sum(shared.values())
            theirs = good * founding["screen"] + defective * sum(founding.values())
            cells += [f"{figure:.1f}" for figure in (ours, theirs, theirs / ours)]
        rows.append(cells)
    return "\n".join(["`python benchmarks/operations.py`", "", *table(heads, rows)])


SECTIONS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "bench": ("bench", bench),
    "performance": ("performance", performance),
    "operations": ("operations", operations),
    "pieces": ("performance", pieces),
}
"""By name of the section, the file of results and what is made of it."""


def filled(page: str) -> str:
    """The page with every section whose results are there."""

    def fill(found: re.Match[str]) -> str:
        file, written = SECTIONS[found[2]]
        path = HERE / "results" / f"{file}.json"
        if not path.exists():
            return found[0]
        results = json.loads(path.read_text(encoding="utf-8"))
        return f"{found[1]}\n{written(results)}\n\n{found[3]}"

    return MARKED.sub(fill, page)


def main() -> None:
    write_text(PAGE, filled(PAGE.read_text(encoding="utf-8")))
    print(PAGE)


if __name__ == "__main__":
    main()
