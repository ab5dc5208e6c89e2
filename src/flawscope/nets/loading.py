"""Weights out of a model file's graphs and into a network, to train on or to explain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from flawscope.errors import TrainingError
from flawscope.nets.export import HALF_SUFFIX, ROOT
from flawscope.nets.network import Network


def load_from_graphs(
    network: Network,
    graphs: Iterable[bytes],
    *,
    old_answers: Sequence[str],
    new_answers: Sequence[str],
) -> None:
    """Starts a network from the weights of its exported graphs.

    Answers are matched by name: one that both know keeps its weights, a new one starts anew.

    Args:
        network: changed in place.
        graphs: of the network to start from.
        old_answers: names of the answers that it gave, in order.
        new_answers: likewise of ``network``.

    Raises:
        TrainingError: the graphs are of a network that was built otherwise.
    """
    stored = _initialisers(graphs)
    state = network.state_dict()
    wanted = [name for name in state if name not in network.by_answer and _is_weight(name)]
    fitting = [name for name in wanted if _shape(stored, name) == tuple(state[name].shape)]
    if len(fitting) < len(wanted):
        missing = next(name for name in wanted if name not in fitting)
        raise TrainingError(
            f"the model to start from was built otherwise (first difference: {missing})",
            where="--from",
            remedy="Use the encoder and decoder of its recipe: flawscope info MODEL",
        )
    for name in fitting:
        state[name] = torch.from_numpy(stored[name].astype(np.float32))
    for name in network.by_answer:
        _copy_rows(state[name], stored[name], old_answers, new_answers)
    network.load_state_dict(state)


def _copy_rows(
    tensor: Tensor, stored: NDArray[np.float32], old: Sequence[str], new: Sequence[str]
) -> None:
    rows = len(tensor) // len(new)
    for place, name in enumerate(new):
        if name in old:
            start = old.index(name) * rows
            values = torch.from_numpy(stored[start : start + rows].astype(np.float32))
            tensor[place * rows : (place + 1) * rows] = values


def _initialisers(graphs: Iterable[bytes]) -> Mapping[str, NDArray[np.float32]]:
    return {
        tensor.name.removesuffix(HALF_SUFFIX).removeprefix(ROOT): numpy_helper.to_array(tensor)
        for graph in graphs
        for tensor in onnx.load_from_string(graph).graph.initializer
    }


def _is_weight(name: str) -> bool:
    return not name.endswith("num_batches_tracked") and name not in ("mean", "std")


def _shape(stored: Mapping[str, NDArray[np.float32]], name: str) -> tuple[int, ...] | None:
    return stored[name].shape if name in stored else None
