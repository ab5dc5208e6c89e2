"""One of two processes that train together, as a test starts them by torchrun.

It trains on the dataset named first and writes what it finds to the folder named second.
"""

from __future__ import annotations

import signal
import sys
from itertools import count
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from train_parts import in_one_process, tiny

from flawscope.data import apply_split, read, split
from flawscope.errors import FlawscopeError, ImageError
from flawscope.nets import Answers, SharedCascade
from flawscope.train import loop
from flawscope.train.losses import Batch, cascade_losses
from flawscope.train.peers import ALONE, Peers, meet
from flawscope.train.recipe import LossRecipe
from flawscope.train.supervision import plan
from flawscope.train.together import together

BATCH, ANSWERS, SIDE = 5, 3, 32


class Looker(nn.Module):
    """Norms of maps and of vectors, both dropouts, a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1, bias=False),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.Dropout2d(0.4),
        )
        self.masks = nn.Conv2d(8, ANSWERS, 1)
        self.vectors = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.4), nn.Linear(8, ANSWERS))

    def forward(self, image: Tensor) -> Answers:
        maps = self.maps(image)
        masks = self.masks(maps)
        evidence = functional.avg_pool2d(masks, 8)
        return Answers(self.vectors(maps.mean(dim=(2, 3))), evidence, masks)


def batch() -> Batch:
    """Crops with every sort of knowledge; those of one share teach far more than the other's."""
    draw = torch.Generator().manual_seed(1)
    image = torch.randn((BATCH, 3, SIDE, SIDE), generator=draw) * 2 + 5
    places = torch.randint(0, 4, (BATCH, ANSWERS, SIDE, SIDE), generator=draw, dtype=torch.uint8)
    places[:2] = 0
    places[3, 1] = 2
    answers = torch.rand((BATCH, ANSWERS), generator=draw).round()
    answers[0] = torch.nan
    return Batch(image.to(memory_format=torch.channels_last), places, answers)


def computed(peers: Peers) -> dict[str, Tensor]:
    """The loss, the gradients and the running statistics that a step leaves."""
    torch.manual_seed(0)
    looker = Looker().to(memory_format=torch.channels_last)
    looker.train()
    rows = slice(peers.share.start, peers.share.stop)
    crops = Batch(*(one[rows] for one in batch()))
    torch.manual_seed(2)
    with together(peers):
        losses = cascade_losses(looker(crops.image), crops, LossRecipe(), peers)
    losses.total.backward()
    peers.sum_gradients(looker.parameters())
    found = {"loss": peers.total(losses.total.detach())}
    found |= {f"gradient {name}": one.grad for name, one in looker.named_parameters()}
    found |= {name: one for name, one in looker.named_buffers() if "running" in name}
    return found


def fit(peers: Peers, parts: Path, folder: Path, *, resume: bool = False) -> None:
    """Trains a tiny network; each process is given a folder of its own."""
    recipe = tiny("encoder.name=test_efficientnet", "encoder.pretrained=false", "schedule.batch=3")
    data = read(parts)
    curriculum = plan([apply_split(data, split(data))], recipe)
    torch.manual_seed(peers.rank)  # the main process's weights are what all start from
    network = SharedCascade(
        len(curriculum.kinds),
        encoder=recipe.encoder.name,
        decoder_channels=recipe.decoder.channels,
        pretrained=False,
    )
    if peers.main:
        folder.mkdir(parents=True, exist_ok=True)
    with in_one_process():
        loop.fit(network, curriculum, recipe, folder, resume=resume, peers=peers)


def interrupted(peers: Peers, parts: Path, folder: Path) -> bool:
    """Whether Ctrl-C in the second step of the other process ends the run here."""
    losses, steps = loop.network_losses, count()

    def struck(*arguments: object) -> object:
        if next(steps) == 1 and not peers.main:
            signal.raise_signal(signal.SIGINT)
        return losses(*arguments)

    loop.network_losses = struck
    try:
        fit(peers, parts, folder)
    except KeyboardInterrupt:
        return next(steps) == 2
    finally:
        loop.network_losses = losses
    return False


def refused(peers: Peers) -> str:
    """What each process says where the main one cannot go on."""

    def refuse() -> None:
        raise ImageError("cannot be read", where="part.png")

    try:
        peers.from_main(refuse)
    except FlawscopeError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main(parts: Path, out: Path) -> None:
    """Everything that is asked of two processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(1)
    met = meet()
    own = out / f"{met.rank}"
    found = {"step": computed(met.sharing(BATCH)), "refused": refused(met)}
    fit(met, parts, own / "whole")
    found["interrupted"] = interrupted(met, parts, own / "stopped")
    fit(met, parts, own / "stopped", resume=True)
    if met.main:
        found["step alone"] = computed(ALONE.sharing(BATCH))
        fit(ALONE, parts, own / "alone")
    torch.save(found, out / f"found-{met.rank}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
