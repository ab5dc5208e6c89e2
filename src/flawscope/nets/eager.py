"""Networks in PyTorch behind the tensors of their exported stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from flawscope.nets.cascade import SharedCascade
from flawscope.nets.export import exportable
from flawscope.nets.network import Network
from flawscope.values import Stage

Tensors = dict[str, NDArray[Any]]
Eager = Callable[[Mapping[str, NDArray[Any]]], Tensors]
"""Named tensors in, named tensors out, as from a graph."""


def eager_graphs(network: Network, stages: Sequence[Stage]) -> Mapping[str, Eager]:
    """What computes each of a network's stages in PyTorch, in float32, by the stage's name.

    Args:
        network: it is put into evaluation mode, on the CPU.
        stages: those that ``export`` made of it.
    """
    network = network.eval().float().cpu().to(memory_format=torch.contiguous_format)
    if isinstance(network, SharedCascade):
        return _of_shared(network, stages)
    (stage,) = stages
    module = exportable(network)

    @torch.no_grad()
    def run(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        return _named(stage, module(_image(tensors)))

    return {stage.name: run}


def _of_shared(cascade: SharedCascade, stages: Sequence[Stage]) -> Mapping[str, Eager]:
    encoder, decoder = stages
    features: list[Tensor] = []
    # Not every decoder looks at every feature map, but each is given all of them.

    @torch.no_grad()
    def encode(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        features[:] = cascade.features(_image(tensors))
        whole = torch.sigmoid(cascade.whole(features)[0])
        return _named(encoder, (whole[:, 0], whole[:, 1:], *features))

    @torch.no_grad()
    def decode(tensors: Mapping[str, NDArray[Any]]) -> Tensors:
        given = list(features)
        for name in decoder.inputs:
            given[int(name.rpartition("_")[2]) - 1] = torch.from_numpy(np.asarray(tensors[name]))
        return _named(decoder, torch.sigmoid(cascade.masks(given)))

    return {encoder.name: encode, decoder.name: decode}


def _image(tensors: Mapping[str, NDArray[Any]]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(tensors["image"]))


def _named(stage: Stage, given: Tensor | tuple[Tensor, ...]) -> Tensors:
    outputs = given if isinstance(given, tuple) else (given,)
    return {name: tensor.numpy() for name, tensor in zip(stage.outputs, outputs, strict=False)}
