"""How many multiply-adds the shipped model's networks and the founding cascade's take.

    python benchmarks/operations.py

Counts them with PyTorch's own counter, on a picture of each size, and leaves them in
``benchmarks/results/operations.json``; ``benchmarks/performance_page.py`` writes the table into
docs/performance.md. Weights are random, for they change no number. Needs the [train] extra.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from flawscope.files import write_text
from flawscope.nets import SharedCascade
from flawscope.train import load_recipe
from flawscope.train.networks import parts_for

RESULT = Path(__file__).parent / "results" / "operations.json"
SIZES = ((256, 1600), (512, 512))
KINDS = ("crack",)


def billions(work: Callable[[], Any]) -> float:
    """Multiply-adds in billions."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return round(counter.get_total_flops() / 2e9, 2)


def shared(image: torch.Tensor) -> dict[str, float]:
    """Of the shared cascade: what every part costs, and what a located one costs more."""
    (part,) = parts_for(load_recipe("base"), KINDS, set(KINDS))
    network = part.make(pretrained=False).eval()
    assert isinstance(network, SharedCascade)
    with torch.no_grad():
        features = network.features(image)
    return {
        "encoder and heads": billions(lambda: network.whole(network.features(image))),
        "decoder": billions(lambda: network.masks(features)),
    }


def founding(image: torch.Tensor) -> dict[str, float]:
    """Of each network of the founding cascade, for one kind."""
    parts = parts_for(load_recipe("founding"), KINDS, set(KINDS))
    networks = {part.name: part.make(pretrained=False).eval() for part in parts}
    return {
        name.partition("-")[0]: billions(lambda network=network: network(image))
        for name, network in networks.items()
    }


def main() -> None:
    found = {}
    for height, width in SIZES:
        image = torch.zeros((1, height, width, 3), dtype=torch.uint8)
        found[f"{height}x{width}"] = {"shared": shared(image), "founding": founding(image)}
    write_text(RESULT, json.dumps({"billions": found}, indent=1) + "\n")
    print(RESULT)


if __name__ == "__main__":
    main()
