"""Weights out of a model file's graphs and into a network, for training to start from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from flawscope.errors import TrainingError
from flawscope.nets.cascade import SharedCascade
from flawscope.nets.export import HALF_SUFFIX, ROOT

_ROWS = {
    "head.evidence.weight": 1,
    "head.evidence.bias": 1,
    "head.sharpness": 1,
    "head.offset": 1,
    "segment.0.weight": 4,
    "segment.0.bias": 4,
}
"""Tensors that have rows for each answer, and how many."""


def load_from_graphs(
    cascade: SharedCascade,
    graphs: Iterable[bytes],
    *,
    old_kinds: Sequence[str],
    new_kinds: Sequence[str],
) -> None:
    """Starts a cascade from the weights of exported graphs.

    Kinds are matched by name: an answer that both know keeps its weights, a new one starts anew.

    Raises:
        TrainingError: the graphs are of another encoder or decoder.
    """
    stored = _initialisers(graphs)
    state = cascade.state_dict()
    wanted = [name for name in state if name not in _ROWS and _is_weight(name)]
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
    for name, rows in _ROWS.items():
        _copy_rows(state[name], stored[name], rows, ("", *old_kinds), ("", *new_kinds))
    cascade.load_state_dict(state)


def _copy_rows(
    tensor: Tensor,
    stored: NDArray[np.float32],
    rows: int,
    old: Sequence[str],
    new: Sequence[str],
) -> None:
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
