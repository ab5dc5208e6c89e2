"""What looks at a whole batch, computed over the shares of all processes: norms and dropout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, distributed
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from flawscope.train.peers import Peers


def together(peers: Peers) -> AbstractContextManager[object]:
    """In the body, a network in training mode computes on its share as it would on the batch.

    Batch norms take the statistics of all processes' crops, on any device and through any class of
    module, and the running ones are theirs (PyTorch's SyncBatchNorm does so on GPUs, for its own
    class). Dropout draws for the whole batch. The gradients are then shares of the batch's, to be
    summed. Every process must compute the same layers in the same order.
    """
    return nullcontext() if peers.alone else _Together(peers)


class _Together(TorchFunctionMode):
    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self.peers = peers
        self.own: dict[Callable[..., Any], Callable[..., Any]] = {
            functional.batch_norm: _batch_norm,
            functional.dropout: partial(self._dropout, functional.dropout),
            functional.dropout2d: partial(self._dropout, functional.dropout2d),
        }

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return self.own.get(func, func)(*args, **(kwargs or {}))

    def _dropout(
        self,
        drop: Callable[..., Tensor],
        input: Tensor,  # noqa: A002 - PyTorch's name
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        if not training or p == 0.0:
            return drop(input, p, training, inplace)
        maps = drop is functional.dropout2d  # which are dropped whole
        shape = (*input.shape[:2], 1, 1) if maps else tuple(input.shape)
        return input * self._kept(drop, input, shape, p)

    def _kept(
        self, drop: Callable[..., Tensor], like: Tensor, shape: tuple[int, ...], p: float
    ) -> Tensor:
        """What to multiply by: 0 or 1 / (1 - p)."""

        def draw(whole: tuple[int, ...]) -> Tensor:
            ones = like.new_ones(whole)
            if like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last):
                ones = ones.to(memory_format=torch.channels_last)  # the order they are drawn in
            return drop(ones, p, True)

        return self.peers.drawn(draw, shape)


def _batch_norm(
    input: Tensor,  # noqa: A002 - PyTorch's name
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    if not training:
        return functional.batch_norm(
            input, running_mean, running_var, weight, bias, training, momentum, eps
        )
    mean, var, count = _statistics(input.detach())
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((var * count / max(count - 1, 1)).to(running_var.dtype), momentum)
    if weight is None:
        weight = torch.ones_like(mean)
    normed: Tensor = _Normed.apply(input, weight, bias, mean, var, count, eps)
    return normed


def _statistics(input: Tensor) -> tuple[Tensor, Tensor, float]:  # noqa: A002 - PyTorch's name
    """Mean and variance (c) over all processes, and how many values each rests on.

    They are put together from each process's own (Chan et al. 1979), which loses no digits where
    the mean is far from 0.
    """
    axes = [axis for axis in range(input.ndim) if axis != 1]
    var, mean = torch.var_mean(input.float(), axes, correction=0)
    count = mean.new_full((1,), input.numel() / input.shape[1])
    own = torch.cat([mean, var, count])
    everyone = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(everyone, own)
    found = torch.stack(everyone).double()
    means, variances, counts = torch.split(found, [len(mean), len(mean), 1], dim=1)
    total = counts.sum()
    mean = (counts * means).sum(dim=0) / total
    var = (counts * (variances + (means - mean) ** 2)).sum(dim=0) / total
    return mean.to(own.dtype), var.to(own.dtype), float(total)


class _Normed(torch.autograd.Function):
    """PyTorch's own kernels, with the statistics as constants, and the gradient through these."""

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,  # noqa: A002 - PyTorch's name
        weight: Tensor,
        bias: Tensor | None,
        mean: Tensor,
        var: Tensor,
        count: float,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(input, weight, mean, var)
        ctx.count, ctx.eps = count, eps
        return functional.batch_norm(input, mean, var, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        input, weight, mean, var = ctx.saved_tensors  # noqa: A001 - PyTorch's name
        plain, to_weight, to_bias = torch.ops.aten.native_batch_norm_backward(
            gradients[0], input, weight, mean, var, None, None, False, ctx.eps, [True, True, True]
        )
        sums = torch.stack([to_bias, to_weight])
        distributed.all_reduce(sums)
        deviation = torch.rsqrt(var + ctx.eps)
        sums = sums * (weight * deviation / ctx.count)
        shape = (1, -1, *[1] * (input.ndim - 2))
        slope = (sums[1] * deviation).view(shape)
        level = (sums[0] - sums[1] * deviation * mean).view(shape)
        through = plain - (level + slope * input).to(plain.dtype)
        return through, to_weight, to_bias, None, None, None, None
