"""Whether bfloat16 is faster on this machine."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Literal

import torch

from flawscope.nets import Network

Precision = Literal["bfloat16", "float32"]

_SIDE = 160
_BATCH = 4
_ROUNDS = 3


def fastest_precision(network: Network) -> Precision:
    """The faster precision of a forward and backward pass, by a measurement of a few seconds.

    The network's weights, statistics and gradients are left as they were.
    """
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    device = next(network.parameters()).device.type
    image = torch.full((_BATCH, _SIDE, _SIDE, 3), 128, dtype=torch.uint8, device=device)
    network.train()
    seconds: dict[Precision, float] = {}
    for precision in ("float32", "bfloat16"):
        half = torch.autocast(device, torch.bfloat16)
        with half if precision == "bfloat16" else nullcontext():
            seconds[precision] = min(_timed(network, image) for _ in range(_ROUNDS))
    network.zero_grad()
    network.load_state_dict(state)
    return min(seconds, key=lambda precision: seconds[precision])


def _timed(network: Network, image: torch.Tensor) -> float:
    start = time.perf_counter()
    answered = [logits.mean() for logits in network(image) if logits is not None]
    torch.autograd.backward(answered)
    return time.perf_counter() - start
