"""Model files with small networks, for heatmaps from inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from flawscope.bundle import Bundle, pack
from flawscope.nets import Classifier, Network, SharedCascade, export
from flawscope.values import InputFit, Manifest

KINDS = ("pit", "scratch")
SMALL = "mobilenetv3_small_050"
WIDTHS = (16, 16, 8, 8)
FIT = InputFit(tile=128, overlap=32, smallest=64)
"""Small tiles, so that a small picture already has several."""


def photograph(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise in blocks, so that features have something to see."""
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 8 + 1, width // 8 + 1, 3))
    whole = blocks.astype(np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    return np.ascontiguousarray(whole[:height, :width])


def settled(network: Network) -> Network:
    """With normalisations that suit the features and differ from one another, as after training.

    The exporter keeps one of several tensors that are equal, as only fresh ones are.
    """
    network.train()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor += torch.rand_like(tensor) / 8
        for seed in range(3):
            image = np.stack([photograph(128, 128, 2 * seed + one) for one in range(2)])
            network(torch.from_numpy(image))
    return network.eval()


def shared() -> SharedCascade:
    torch.manual_seed(2)
    network = SharedCascade(len(KINDS), encoder=SMALL, decoder_channels=WIDTHS, pretrained=False)
    settled(network)
    with torch.no_grad():
        network.head.evidence.weight.normal_(std=0.3)
    return network


def classifier(channels: tuple[int, ...], encoder: str, *, exclusive: bool = False) -> Classifier:
    torch.manual_seed(3)
    network = Classifier(channels, encoder=encoder, exclusive=exclusive, pretrained=False)
    settled(network)
    with torch.no_grad():
        network.answer.weight.normal_(std=0.3)
    return network


def shared_recipe() -> dict[str, Any]:
    return {
        "kind": "shared",
        "encoder": {"name": SMALL, "pretrained": False, "frozen": 0},
        "decoder": {"channels": list(WIDTHS)},
    }


def classifier_recipe(encoder: str) -> dict[str, Any]:
    return {"kind": "classifier", "encoder": {"name": encoder}}


def founding_recipe(screen: str, kinds: str) -> dict[str, Any]:
    sections = {"screen": screen, "kinds": kinds}
    founding = {name: {"encoder": {"name": encoder}} for name, encoder in sections.items()}
    return {"kind": "founding", "founding": founding}


def write(path: Path, networks: dict[str, Network], recipe: dict[str, Any]) -> Bundle:
    """The model file of networks by name."""
    stages, graphs = [], {}
    for name, network in networks.items():
        own_stages, own_graphs = export(network, KINDS, name)
        stages += own_stages
        graphs |= own_graphs
    manifest = Manifest(name="small", kinds=KINDS, stages=tuple(stages), input=FIT, recipe=recipe)
    pack(manifest, graphs, path)
    return Bundle.open(path)
