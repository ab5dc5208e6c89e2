"""The founding cascade in eager PyTorch, to be timed: the networks that its recipe trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import torch
from torch import Tensor

from flawscope.bench import Picture, Timing
from flawscope.fit import pad
from flawscope.images import open_image
from flawscope.nets import Network
from flawscope.nets.encoder import STRIDE
from flawscope.nets.rebuilding import KINDS, SCREEN
from flawscope.runtime import Clock
from flawscope.train.networks import parts_for
from flawscope.train.recipe import load_recipe
from flawscope.values import Size

_KINDS = ("1", "2", "3", "4")
"""As many as the strips of steel show that the method was made for."""

_SHOWN = _KINDS[0]
_MASK_PROBABILITY = 0.5


@dataclass(frozen=True, slots=True)
class EagerFounding:
    """DenseNet121 screens, DenseNet121 names the kinds, a U-Net on EfficientNet-B2 locates one.

    In float32, one picture after another and each whole, as the method was described. The weights
    are random and decide nothing: a good picture ends after the screen, a defective one goes on
    through the kinds to the network that locates. One such network is run for it, as if it showed
    defects of one kind; a part of two kinds would take longer. Masks are cut at a
    probability and not searched for defects, which would take longer too.

    Attributes:
        networks: by the name of their stage, in the order in which they are asked.
    """

    networks: dict[str, Network]
    name: str = "founding"
    warm_ups: int = 1
    sequential: bool = True

    @classmethod
    def build(cls, threads: int) -> EagerFounding:
        """The cascade, with PyTorch set to so many threads."""
        torch.set_num_threads(threads)
        parts = parts_for(load_recipe("founding"), _KINDS, {_SHOWN})
        with _denormals_as_zero():  # and so do the threads that PyTorch starts here
            return cls({part.name: part.make(pretrained=False).eval() for part in parts})

    def one(self, picture: Picture) -> Timing:
        """From the file to the masks of a defective part, or to the score of a good one."""
        clock, start = Clock(), perf_counter()
        with clock.timing("open"):
            pixels = open_image(picture.path)
        with clock.timing("fit"):
            window = Size(*(-(-side // STRIDE) * STRIDE for side in pixels.shape[:2]))
            image = torch.from_numpy(pad(pixels, window))[None]
        with torch.inference_mode(), _denormals_as_zero():
            for stage, network in self.networks.items():
                if stage == SCREEN or picture.defective:
                    with clock.timing(stage):
                        _answer(stage, network, image)
        return Timing(perf_counter() - start, clock.seconds)

    def line(self, pictures: Sequence[Picture]) -> float:
        """Seconds for one after another."""
        return sum(self.one(picture).seconds for picture in pictures)


@contextmanager
def _denormals_as_zero() -> Iterator[None]:
    """Random weights make such numbers, and CPUs are slow with them; trained ones do not.

    Only in the body: it is the processor's setting, which all else in this thread would share.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _answer(stage: str, network: Network, image: Tensor) -> object:
    answers = network(image)
    if stage in (SCREEN, KINDS):
        return torch.sigmoid(answers.whole).numpy()
    return (torch.sigmoid(answers.masks) >= _MASK_PROBABILITY).numpy()
