"""Mask R-CNN: what it draws, what it learns from, and the same masks from engines."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torchvision.models.detection.roi_heads import (  # noqa: E402
    paste_masks_in_image,
    project_masks_on_boxes,
)

from flawscope.errors import TrainingError  # noqa: E402
from flawscope.nets import MaskRCNN, Target, export, load_from_graphs  # noqa: E402
from flawscope.nets.mask_rcnn import Found, draw  # noqa: E402
from flawscope.runtime import ENGINES, load_graph  # noqa: E402

pytestmark = pytest.mark.train

KINDS = ("pit", "scratch")
SMALL = "mobilenetv3_small_050"


def made(channels: tuple[int, ...] = (0, 1, 2), seed: int = 1) -> MaskRCNN:
    torch.manual_seed(seed)
    return MaskRCNN(channels, encoder=SMALL, pretrained=False, width=16)


def image(height: int, width: int, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).integers(0, 256, (1, height, width, 3))
    return pixels.astype(np.uint8)


def found(boxes: list[list[float]], labels: list[int], scores: list[float], seed: int = 0) -> Found:
    torch.manual_seed(seed)
    coarse = torch.rand(len(boxes), 1, 7, 7)
    masks = torch.nn.functional.interpolate(coarse, size=(28, 28), mode="bilinear")[:, 0]
    return Found(torch.tensor(boxes), torch.tensor(labels), torch.tensor(scores), masks)


def alone(one: Found, number: int) -> Found:
    return Found(*(values[number : number + 1] for values in one))


def overlap(mask: torch.Tensor, other: torch.Tensor) -> float:
    return float((mask & other).sum() / (mask | other).sum())


def test_masks_are_drawn_as_torchvision_pastes_them_but_for_its_rounding() -> None:
    both = found([[10.0, 20.0, 122.0, 76.0], [-8.5, 3.2, 75.5, 87.2]], [1, 1], [1.0, 1.0])
    for one in (alone(both, 0), alone(both, 1)):
        drawn = draw(one, 1, 96, 128)[0]
        pasted = paste_masks_in_image(one.masks[:, None], one.boxes, (96, 128))[0, 0]
        assert drawn.shape == pasted.shape
        assert overlap(drawn > 0.5, pasted > 0.5) > 0.9


@pytest.mark.parametrize("box", [(5, 9, 9, 12), (0, 0, 30, 3), (20, 7, 21, 31), (3, 2, 32, 30)])
def test_a_mask_cut_for_training_is_drawn_where_it_was(box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    mask = torch.zeros(32, 40, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    mask[top : (top + bottom) // 2, left : (left + right) // 2] = False
    boxes = torch.tensor([box]).float()
    cut = project_masks_on_boxes(mask[None].byte(), boxes, torch.tensor([0]), 28)
    one = Found(boxes, torch.tensor([1]), torch.tensor([1.0]), cut)
    assert overlap(draw(one, 1, 32, 40)[0] > 0.5, mask) > 0.93


def test_of_defects_that_overlap_the_surest_is_seen() -> None:
    one = found([[0.0, 0.0, 32.0, 32.0]] * 3, [1, 1, 2], [0.5, 0.8, 0.9])
    drawn = draw(one, 2, 32, 32)
    each = [draw(alone(one, number), 2, 32, 32) for number in range(3)]
    assert torch.equal(drawn[0], torch.maximum(each[0][0], each[1][0]))
    assert torch.equal(drawn[1], each[2][1])
    assert not draw(Found(*(values[:0] for values in one)), 2, 32, 32).any()


def test_any_defect_is_the_highest_of_the_kinds() -> None:
    network = made().eval()
    with torch.no_grad():
        chances = network.chances(torch.from_numpy(image(64, 96)))
        logits = network(torch.from_numpy(image(64, 96))).masks
    assert chances.shape == (1, 3, 64, 96)
    assert torch.equal(chances[:, 0], chances[:, 1:].amax(dim=1))
    torch.testing.assert_close(torch.sigmoid(logits), chances, atol=1e-5, rtol=0)
    assert made((0,)).kinds == (0,)


@pytest.mark.parametrize("engine", list(ENGINES))
@pytest.mark.parametrize("shown", [True, False])
def test_engines_draw_the_same_masks(engine: str, shown: bool) -> None:
    network = made().eval()
    with torch.no_grad():
        network.roi_heads.box_predictor.cls_score.bias[0] = 0.0 if shown else 50.0
        for tensor in network.state_dict().values():
            if tensor.ndim > 1:
                tensor.copy_(tensor.half())
    (stage,), graphs = export(network, KINDS, "locate")
    assert (stage.name, stage.outputs) == ("locate", ("masks",))
    assert stage.channels == ("defect", *KINDS)
    run = load_graph(engine, graphs[stage.graph], 1, stage.graph)
    for height, width in ((64, 96), (128, 64)):
        pixels = image(height, width)
        with torch.no_grad():
            expected = network.chances(torch.from_numpy(pixels)).numpy()
        assert expected.any() == shown
        for _ in range(5):  # OpenVINO makes a graph anew for a shape that keeps coming
            drawn = run({"image": pixels})["masks"]
            np.testing.assert_allclose(drawn, expected, atol=1e-3)


def marked() -> tuple[torch.Tensor, list[Target]]:
    """Two crops of dark squares and bright bars, and what is true of them."""
    pixels = np.random.default_rng(0).integers(110, 150, (2, 64, 64, 3)).astype(np.uint8)
    targets = []
    for number, (square, bar) in enumerate((((8, 8), (40, 4)), ((32, 36), (10, 20)))):
        masks = torch.zeros(2, 64, 64, dtype=torch.uint8)
        boxes = []
        for place, ((top, left), (height, width)) in enumerate(
            ((square, (16, 16)), (bar, (8, 32)))
        ):
            masks[place, top : top + height, left : left + width] = 1
            pixels[number, top : top + height, left : left + width] = (30, 230)[place]
            boxes.append([left, top, left + width, top + height])
        targets.append(Target(torch.tensor(boxes).float(), torch.tensor([1, 2]), masks))
    return torch.from_numpy(pixels), targets


def test_it_learns_a_few_crops_by_heart() -> None:
    network = made().train()
    pixels, targets = marked()
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    losses = []
    for step in range(40):
        torch.manual_seed(step)
        loss = torch.stack(list(network.losses(pixels, targets).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:3])
    with torch.no_grad():
        drawn = network.eval().chances(pixels)[:, 1:] > 0.5
    truth = torch.stack([target.masks for target in targets]).bool()
    assert overlap(drawn, truth) > 0.5


def test_what_teaches_nothing_changes_nothing() -> None:
    network = made().train()
    pixels, targets = marked()
    nothing = network.losses(pixels, [None, None])
    one = network.losses(pixels, [targets[0], None])
    assert set(nothing) == set(one)
    total = torch.stack(list(nothing.values())).sum()
    total.backward()
    assert total.item() == 0.0
    gradients = [one.grad for one in network.parameters() if one.grad is not None]
    assert gradients
    assert not any(gradient.any() for gradient in gradients)


def test_losses_of_a_clean_crop_and_in_bfloat16_are_numbers() -> None:
    network = made().train()
    pixels, targets = marked()
    clean = Target(
        torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 64, 64).byte()
    )
    with torch.autocast("cpu", torch.bfloat16):
        losses = network.losses(pixels, [targets[0], clean])
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())


def test_it_comes_back_from_its_graph_with_kinds_matched_by_name() -> None:
    network = made().eval()
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.dtype == torch.float32:
                tensor.copy_((tensor + torch.randn_like(tensor).abs() * 0.05).half())
    _, graphs = export(network, KINDS, "locate")
    other = made((0, 1, 2, 3), seed=2)
    load_from_graphs(
        other,
        graphs.values(),
        old_answers=("", *KINDS),
        new_answers=("", "dent", "scratch", "pit"),
    )
    ours, theirs = other.roi_heads, network.roi_heads
    for new, old in ((0, 0), (2, 2), (3, 1)):
        for module, rows in (("cls_score", 1), ("bbox_pred", 4)):
            after = getattr(ours.box_predictor, module).weight[new * rows : (new + 1) * rows]
            before = getattr(theirs.box_predictor, module).weight[old * rows : (old + 1) * rows]
            assert torch.equal(after, before)
        mask = ours.mask_predictor.mask_fcn_logits.weight[new]
        assert torch.equal(mask, theirs.mask_predictor.mask_fcn_logits.weight[old])
    for name in ("encoder.model.conv_stem.weight", "rpn.head.bbox_pred.weight"):
        assert torch.equal(other.state_dict()[name], network.state_dict()[name])


def test_an_encoder_without_the_strides_is_refused() -> None:
    with pytest.raises(TrainingError, match="could not be made"):
        MaskRCNN((0, 1), encoder="vit_tiny_patch16_224", pretrained=False)
