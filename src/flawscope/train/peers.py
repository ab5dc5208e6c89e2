"""The processes that train one network together, as ``accelerate launch`` starts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import InitProcessGroupKwargs, broadcast_object_list, gather_object
from torch import Tensor, distributed, nn

from flawscope.errors import FlawscopeError, TrainingError

T = TypeVar("T")

_PATIENCE = timedelta(hours=12)
"""How long the others wait while the main process validates or writes the model."""


@dataclass(frozen=True, slots=True)
class Peers:
    """This process among those that train together; alone, nothing is sent and nothing changes.

    The main process decides, writes and speaks. Every process steps through its share of each
    batch, and what a step computes (sums over the batch, statistics of norms, random masks) is
    that of the whole batch, so that the network learns as it would in one process.

    Attributes:
        rank: of this process; 0 is the main one.
        count: of processes.
        device: that this process computes on.
        batch: crops that a step of all processes together shows; ``sharing`` sets it.
    """

    rank: int = 0
    count: int = 1
    device: str = "cpu"
    batch: int = 0

    @property
    def main(self) -> bool:
        """Whether this process decides, writes and speaks."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.count == 1

    def sharing(self, batch: int) -> Peers:
        """The same processes, with batches of so many crops to share.

        Raises:
            TrainingError: a process would get none.
        """
        if batch < self.count:
            raise TrainingError(
                f"{self.count} processes cannot share a batch of {batch} crops",
                where="schedule.batch",
                remedy=f"Set it to {self.count} or more, or start fewer processes",
            )
        return replace(self, batch=batch)

    @property
    def share(self) -> range:
        """Which rows of a batch are this process's."""
        return range(
            self.rank * self.batch // self.count, (self.rank + 1) * self.batch // self.count
        )

    def from_main(self, decide: Callable[[], T]) -> T:
        """What ``decide`` gives on the main process, on every process.

        Raises:
            TrainingError: elsewhere, where it raised something that a user can cure.
        """
        if self.alone:
            return decide()
        if self.main:
            try:
                decided = decide()
            except (FlawscopeError, OSError) as error:
                broadcast_object_list([None, str(error)])
                raise
            broadcast_object_list([decided, None])
            return decided
        found: list[T | str | None] = [None, None]
        broadcast_object_list(found)
        if found[1] is not None:
            raise TrainingError(f"the main process could not go on ({found[1]})")
        return found[0]  # type: ignore[return-value]  # decide may give None

    def told(self, value: T) -> list[T]:
        """What every process tells, by rank, on every process."""
        if self.alone:
            return [value]
        everyone: list[T] = gather_object([value])
        return everyone

    def total(self, amount: Tensor) -> Tensor:
        """The sum over all processes; no gradient flows through it."""
        if self.alone:
            return amount
        amount = amount.detach().float().clone()
        distributed.all_reduce(amount)
        return amount

    def drawn(self, draw: Callable[[tuple[int, ...]], Tensor], shape: tuple[int, ...]) -> Tensor:
        """Random numbers for this process's rows, out of those drawn for the whole batch.

        Args:
            draw: makes random numbers of a shape.
            shape: wanted here, rows first.
        """
        if self.alone:
            return draw(shape)
        return draw((self.batch, *shape[1:]))[self.share.start : self.share.stop]

    def align(self, network: nn.Module) -> None:
        """Gives every process the main one's weights and statistics."""
        if not self.alone:
            for tensor in network.state_dict().values():
                whole = tensor.contiguous()
                distributed.broadcast(whole, src=0)
                tensor.copy_(whole)

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Makes every gradient the sum over all processes, at once.

        DistributedDataParallel would do it piece by piece while the rest is still computed, but
        takes the set of learning parameters as fixed; here an encoder may rest for a while.
        """
        if self.alone:
            return
        gradients = [one.grad for one in parameters if one.grad is not None]
        everything = torch.cat([one.reshape(-1) for one in gradients])
        distributed.all_reduce(everything)
        sizes = [one.numel() for one in gradients]
        for gradient, summed in zip(gradients, torch.split(everything, sizes), strict=True):
            gradient.copy_(summed.view(gradient.shape))


ALONE = Peers()


def meet() -> Peers:
    """This process and those it was started with; they are met once a process."""
    waiting = InitProcessGroupKwargs(timeout=_PATIENCE).to_kwargs()
    state = PartialState(cpu=not torch.cuda.is_available(), **waiting)
    return Peers(state.process_index, state.num_processes, str(state.device))
