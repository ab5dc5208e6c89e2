"""Heatmaps from inside a network: class activation and its gradient-weighted kin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from flawscope.bundle import Bundle
from flawscope.errors import ExplanationError
from flawscope.explain.heatmap import Heat, Heatmap, answer_channel
from flawscope.fit import Plan, Stitcher, plan_fit, resize
from flawscope.nets import Classifier, Network, SharedCascade, rebuild
from flawscope.values import Box, Manifest, Size

_PLACES = 5
"""Probabilities are rounded as the runtime rounds them."""


@dataclass(frozen=True, slots=True)
class Activation:
    """What one look at one window shows.

    Attributes:
        probability: of the answer.
        values: float32 (h / s, w / s) at the stride s of the features looked at, not below 0.
        absolute: values are probabilities, not merely more or less of something.
    """

    probability: float
    values: Tensor
    absolute: bool


def cam(network: Network, image: Tensor, place: int) -> Activation:
    """Class activation: what the answer would be if the whole image looked like each place.

    A shared cascade pools its first two answers from a map of located evidence at stride 8, which
    is shown as it stands, as probabilities. A classifier with a linear layer on averaged features
    has its layer applied to each place's features instead of to their mean (Zhou et al. 2016):
    log odds, of which those over 0 are kept.

    Args:
        network: in evaluation mode.
        image: uint8 (1, h, w, 3), sides multiples of 32.
        place: of the answer among ``network.channels``.

    Raises:
        ExplanationError: the network's answer is not a layer on averaged features.
    """
    with torch.no_grad():
        if isinstance(network, SharedCascade):
            whole, evidence = network.whole(network.features(image))
            chances = torch.sigmoid(evidence[0, place])
            return Activation(_chance(whole[0, place]), chances, absolute=True)
        classifier = _classifier(network)
        features = _feature_maps(classifier, image, "cam")
        described = classifier.encoder.forward_head(features, pre_logits=True)
        means = features.mean(dim=(2, 3))
        if described.shape != means.shape or not torch.allclose(described, means, atol=1e-4):
            raise ExplanationError(
                "cam needs a network that classifies the mean of its feature maps, and this one"
                " does more with them",
                remedy="Use gradcam or occlusion",
            )
        places = features[0].flatten(1).T[:, :, None, None]
        odds = classifier.whole(places)[:, place].reshape(features.shape[2:])
        whole = classifier.whole(features)
    return Activation(_chance(whole[0, place]), odds.clamp(min=0.0), absolute=False)


def gradcam(network: Network, image: Tensor, place: int) -> Activation:
    """Grad-CAM (Selvaraju et al. 2017): the last feature maps, weighted by the mean gradients.

    The maps are a classifier's last, or the last of a shared cascade's encoder, at stride 32. Each
    counts by the mean gradient over it of the answer's log odds; of their sum what is over 0 is
    kept.

    Args and errors as for ``cam``, but that any network with feature maps suits.
    """
    with torch.no_grad():
        if isinstance(network, SharedCascade):
            *finer, last = network.features(image)
        else:
            finer, last = [], _feature_maps(_classifier(network), image, "gradcam")
    with torch.enable_grad():
        maps = last.detach().requires_grad_()
        used = maps.clone()  # Some heads change what they are given in place.
        if isinstance(network, SharedCascade):
            whole = network.whole([*finer, used])[0]
        else:
            whole = _classifier(network).whole(used)
        (gradient,) = torch.autograd.grad(whole[0, place], maps)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    values = (weights * maps.detach()).sum(dim=1)[0].clamp(min=0.0)
    return Activation(_chance(whole[0, place].detach()), values, absolute=False)


_LOOKS: Mapping[str, Callable[[Network, Tensor, int], Activation]] = {
    "cam": cam,
    "gradcam": gradcam,
}


def activation(
    bundle: Bundle, image: NDArray[np.uint8], method: str, kind: str | None = None
) -> Heatmap:
    """A heatmap from inside a model's network, built again from the file.

    Args:
        bundle: the model file.
        image, method, kind: as for ``activation_of``.

    Raises:
        ExplanationError: the model knows no such kind, or the method does not suit its network.
        ModelFileError: its network cannot be rebuilt.
    """
    channel = answer_channel(bundle.manifest, kind)
    network = rebuild(bundle.manifest, bundle.read, channel, where=bundle.path)
    return activation_of(network, bundle.manifest, image, method, kind)


def activation_of(
    network: Network,
    manifest: Manifest,
    image: NDArray[np.uint8],
    method: str,
    kind: str | None = None,
) -> Heatmap:
    """A heatmap from inside a network.

    The image is fitted as for inspection, and one of more than a tile cut into tiles, each
    explained by itself. Where the heat is relative, a tile's counts by the tile's own probability,
    so that a tile on which the model sees nothing stays cold; the score is the highest tile's.

    Args:
        network: in evaluation mode; one that gives the answer.
        manifest: of its model.
        image: RGB uint8 (height, width, 3) of any size.
        method: ``cam`` or ``gradcam``.
        kind: explain the answer for this kind; without one, for "any defect at all".

    Raises:
        ExplanationError: the model knows no such kind, or the method does not suit the network.
    """
    place = network.channels.index(answer_channel(manifest, kind))
    plan = plan_fit(Size(*image.shape[:2]), manifest.input)
    scaled = resize(image, plan.scaled)
    looks = [
        _LOOKS[method](network, torch.from_numpy(plan.cut(scaled, tile))[None], place)
        for tile in plan.tiles
    ]
    absolute = looks[0].absolute
    heat = _stitched(plan, looks, absolute=absolute)
    score = round(max(look.probability for look in looks), _PLACES)
    return Heatmap(method, kind, score, heat, 1.0 if absolute else None)


def _stitched(plan: Plan, looks: list[Activation], *, absolute: bool) -> Heat:
    pairs = list(zip(plan.tiles, looks, strict=True))
    top = 1.0 if absolute else max(float(_layer(plan, tile, look).max()) for tile, look in pairs)
    stitcher = Stitcher(plan)
    for tile, look in pairs:
        if top > 0:
            stitcher.add(tile, {"heat": _layer(plan, tile, look) / np.float32(top)})
    heat: Heat = stitcher.map("heat").clip(0.0, 1.0)
    highest = heat.max()
    if not absolute and highest > 0:
        heat /= highest
    return heat


def _layer(plan: Plan, tile: Box, look: Activation) -> Heat:
    """What a look shows at full size, without what was padded: (tile height, tile width)."""
    size = tuple(plan.window)
    full = functional.interpolate(look.values[None, None], size, mode="bilinear")[0, 0]
    weight = 1.0 if look.absolute else look.probability
    layer: Heat = full[: tile.height, : tile.width].numpy() * np.float32(weight)
    return layer


def _classifier(network: Network) -> Classifier:
    if not isinstance(network, Classifier):
        raise TypeError(f"{type(network).__name__} gives no answer for whole images")
    return network


def _feature_maps(classifier: Classifier, image: Tensor, method: str) -> Tensor:
    """The last feature maps, (1, c, h, w).

    Raises:
        ExplanationError: the features are no such maps.
    """
    features = classifier.features(image)
    if features.ndim != 4 or features.shape[1] != classifier.encoder.num_features:
        raise ExplanationError(
            f"{method} needs a convolutional network, whose features are maps",
            remedy="Use occlusion",
        )
    return features


def _chance(logit: Tensor) -> float:
    return float(torch.sigmoid(logit))
