"""Mask R-CNN: masks by way of boxes around single defects."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN as Detector
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.ops import FeaturePyramidNetwork, MultiScaleRoIAlign

from flawscope.errors import TrainingError
from flawscope.nets.encoder import DEFAULT_ENCODER, build_encoder
from flawscope.nets.network import Answers, Network

_SIZES = ((8, 14), (24, 40), (68, 116), (196, 332))
"""Sides of anchors, in pixels, at strides 4, 8, 16 and 32: from a pit to a stain."""

_RATIOS = (0.11, 0.33, 1.0, 3.0, 9.0)
"""Height to width of anchors: scratches are thin."""

_MAPS = ["0", "1", "2", "3"]
_WIDTH = 128
_BOX_WIDTH = 512
"""Both half of the paper's: the network is to run, and to be trained, on CPUs."""

_PROPOSALS = {
    # An anchor need only overlap a defect by half: so few anchors hardly do better on a thin one.
    "rpn_fg_iou_thresh": 0.5,
    "rpn_pre_nms_top_n_train": 500,
    "rpn_post_nms_top_n_train": 500,
    "rpn_pre_nms_top_n_test": 300,
    "rpn_post_nms_top_n_test": 300,
    "box_batch_size_per_image": 128,
    "box_score_thresh": 0.1,  # training chooses to cut masks at 0.2 or higher
}
_LOSSES = {
    "objectness": "loss_objectness",
    "proposal": "loss_rpn_box_reg",
    "classifier": "loss_classifier",
    "box": "loss_box_reg",
    "mask": "loss_mask",
}
"""Names of the losses, and torchvision's of the same."""

_SURE = 1e-6


class Target(NamedTuple):
    """The defects of one image, as they are taught.

    Attributes:
        boxes: float32 (d, 4): left, top, right, bottom, half-open, in pixels.
        labels: int64 (d): 1 + place of the kind among the network's kinds; 0 is the background.
        masks: uint8 (d, h, w).
    """

    boxes: Tensor
    labels: Tensor
    masks: Tensor


class Found(NamedTuple):
    """The defects found in one image, likewise, but for the masks.

    Attributes:
        boxes: float32 (d, 4).
        labels: int64 (d).
        scores: float32 (d), probabilities of the labels.
        masks: float32 (d, m, m), probabilities inside the boxes.
    """

    boxes: Tensor
    labels: Tensor
    scores: Tensor
    masks: Tensor


class MaskRCNN(Network):
    """Proposes boxes, names what is in them, and draws a mask in each (He et al. 2017).

    Boxes are proposed on a feature pyramid (Lin et al. 2017). Images keep their native resolution.
    A box is of one kind or of the background; of tensors with rows by class the background's come
    first, where other networks have those of "any defect".

    Args:
        channels: of which answers it draws masks; if 0 is not alone, it is drawn from the others.
        encoder: a timm encoder's name.
        pretrained: start the encoder from ImageNet weights.
        width: of the pyramid and the mask head, in feature maps.

    Raises:
        TrainingError: as of ``build_encoder``; or the encoder skips a stride from 4 to 32.
    """

    rate: ClassVar[float] = 0.15
    """Its heads have no norms: at the rate that suits decoders, the one that classifies dies."""

    by_answer: ClassVar[frozenset[str]] = frozenset(
        f"roi_heads.{layer}.{tensor}"
        for layer in (
            "box_predictor.cls_score",
            "box_predictor.bbox_pred",
            "mask_predictor.mask_fcn_logits",
        )
        for tensor in ("weight", "bias")
    )

    def __init__(
        self,
        channels: tuple[int, ...],
        *,
        encoder: str,
        pretrained: bool = True,
        width: int = _WIDTH,
    ) -> None:
        built = build_encoder(encoder, pretrained=pretrained)
        depths = built.out_channels[2:]
        if 0 in depths:
            raise TrainingError(
                f"the encoder {encoder!r} skips a stride from 4 to 32, on which boxes are proposed",
                where="encoder.name",
                remedy=f"Choose a pyramid such as {DEFAULT_ENCODER}, resnet50 or convnext_tiny",
            )
        super().__init__(channels, built.mean, built.std)
        self.encoder = cast("nn.Module", built)
        self.kinds = tuple(channel for channel in channels if channel) or channels
        self.pyramid = FeaturePyramidNetwork(depths, width)
        detector = _detector(self.pyramid, width, 1 + len(self.kinds))
        self.rpn, self.roi_heads = detector.rpn, detector.roi_heads

    def _features(self, image: Tensor) -> Mapping[str, Tensor]:
        """The pyramid at strides 4 to 32, each float32 (n, width, h / s, w / s)."""
        maps = self.encoder(self.normal(image))[2:]
        pyramid = self.pyramid(OrderedDict(zip(_MAPS, maps, strict=True)))
        return OrderedDict((name, one.float()) for name, one in pyramid.items())

    def losses(self, image: Tensor, targets: Sequence[Target | None]) -> dict[str, Tensor]:
        """Losses of a batch, in training mode; to be summed.

        Args:
            image: uint8 (n, h, w, 3).
            targets: of each image; ``None`` for one that teaches nothing.

        Returns:
            ``objectness`` and ``proposal`` of the proposed boxes, ``classifier`` and ``box`` of
            the boxes then taken up, and ``mask``. All are 0 where no image teaches anything.
        """
        features = self._features(image)
        kept = [number for number, target in enumerate(targets) if target is not None]
        taught = [target._asdict() for target in targets if target is not None]
        if not kept:
            nothing = 0.0 * torch.stack([one.sum() for one in features.values()]).sum()
            return dict.fromkeys(_LOSSES, nothing)
        features = OrderedDict((name, one[kept]) for name, one in features.items())
        # Boxes are computed in float32: bfloat16 tells whole pixels apart up to 256 only.
        with torch.autocast(image.device.type, enabled=False):
            images = _images(image[kept])
            proposals, proposing = self.rpn(images, features, taught)
            _, detecting = self.roi_heads(features, proposals, images.image_sizes, taught)
        found = {**proposing, **detecting}
        return {name: found[theirs] for name, theirs in _LOSSES.items()}

    def find(self, image: Tensor) -> list[Found]:
        """The defects in each of some images uint8 (n, h, w, 3), in evaluation mode."""
        features = self._features(image)
        with torch.autocast(image.device.type, enabled=False):
            images = _images(image)
            proposals, _ = self.rpn(images, features)
            found, _ = self.roi_heads(features, proposals, images.image_sizes)
        return [
            Found(one["boxes"], one["labels"], one["scores"], one["masks"][:, 0]) for one in found
        ]

    def chances(self, image: Tensor) -> Tensor:
        """Probabilities float32 (n, c, h, w), in evaluation mode.

        A pixel's is the highest, over the found defects of the kind, of a defect's score times its
        mask's probability there; that of "any defect" is the highest of all kinds'.
        """
        height, width = image.shape[1:3]
        drawn = torch.stack([draw(one, len(self.kinds), height, width) for one in self.find(image)])
        if len(self.channels) > len(self.kinds):
            drawn = torch.cat([drawn.amax(dim=1, keepdim=True), drawn], dim=1)
        return drawn.clamp(max=1.0)  # rounding may lead beyond

    def forward(self, image: Tensor) -> Answers:
        """The masks, in evaluation mode."""
        return Answers(masks=torch.logit(self.chances(image), eps=_SURE))


def _detector(pyramid: nn.Module, width: int, classes: int) -> Detector:
    """Torchvision's, for its parts; its resizing and normalising of images is not used."""
    pyramid.out_channels = width  # type: ignore[assignment]  # where torchvision looks for it
    box_pool = MultiScaleRoIAlign(_MAPS, output_size=7, sampling_ratio=2)
    return Detector(
        pyramid,
        rpn_anchor_generator=AnchorGenerator(_SIZES, (_RATIOS,) * len(_SIZES)),
        box_roi_pool=box_pool,
        box_head=TwoMLPHead(width * 7 * 7, _BOX_WIDTH),
        box_predictor=FastRCNNPredictor(_BOX_WIDTH, classes),
        mask_roi_pool=MultiScaleRoIAlign(_MAPS, output_size=14, sampling_ratio=2),
        mask_head=MaskRCNNHeads(width, (width,) * 4, dilation=1),
        mask_predictor=MaskRCNNPredictor(width, width, classes),
        **_PROPOSALS,
    )


def _images(image: Tensor) -> ImageList:
    """As torchvision's parts take images, of which they need the size alone."""
    return ImageList(image.permute(0, 3, 1, 2), [(image.shape[1], image.shape[2])] * len(image))


def draw(found: Found, kinds: int, height: int, width: int) -> Tensor:
    """Probabilities float32 (kinds, height, width): by kind, the highest of its defects'.

    A mask is stretched over its box by bilinear interpolation, as two products with small matrices.
    Torchvision rounds boxes to whole pixels, which costs a pit of four pixels one of them.
    """
    side = found.masks.shape[-1]
    left, top, right, bottom = found.boxes.unbind(dim=1)
    down = _stretch(top, bottom, side, height)
    across = _stretch(left, right, side, width)
    of_kind = found.labels[:, None] == torch.arange(1, 1 + kinds, device=found.labels.device)
    weights = of_kind.float() * found.scores[:, None]
    highest: Tensor = _loop(weights, down, found.masks, across)
    return highest


def _stretch(low: Tensor, high: Tensor, cells: int, pixels: int) -> Tensor:
    """How much of each of a mask's cells is in each pixel: (d, pixels, cells).

    The inverse of how masks are cut for training, where a cell at x is taken from the pixel of
    number x and the next one; times the share of the pixel that is in the box.
    """
    low, high = low[:, None], high[:, None]
    pixel = torch.arange(pixels, device=low.device)[None].float()
    place = (pixel - low) / (high - low).clamp(min=1e-2) * cells - 0.5
    place = place.clamp(min=0.0, max=cells - 1.0)
    inside = (torch.minimum(pixel + 1.0, high) - torch.maximum(pixel, low)).clamp(min=0.0)
    apart = (place[:, :, None] - torch.arange(cells, device=low.device)).abs()
    stretched: Tensor = (1.0 - apart).clamp(min=0.0) * inside[:, :, None]
    return stretched


def _highest(weights: Tensor, down: Tensor, masks: Tensor, across: Tensor) -> Tensor:
    """One defect after the other, so that a hundred on a large image take the memory of one."""
    canvas = torch.zeros(weights.size(1), down.size(1), across.size(1), device=masks.device)
    for number in range(weights.size(0)):
        drawn = down[number] @ masks[number] @ across[number].t()
        canvas = torch.maximum(canvas, weights[number][:, None, None] * drawn)
    return canvas


_loop: Any = torch.jit.script_if_tracing(_highest)  # type: ignore[no-untyped-call]
"""The same; in an exported graph it stays a loop."""
