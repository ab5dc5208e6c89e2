"""Losses: what they push towards, and that they are silent where nothing is known."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from train_parts import tiny  # noqa: E402

from flawscope.nets import Answers  # noqa: E402
from flawscope.train.losses import Batch, cascade_losses  # noqa: E402
from flawscope.train.supervision import CLEAN, DEFECT, SOMEWHERE, UNKNOWN  # noqa: E402

pytestmark = pytest.mark.train

LOSSES = tiny().losses
PARTS = {"whole", "evidence", "mask_entropy", "mask_dice"}
NAN = float("nan")


def logits(value: float = 0.3, *, count: int = 2, channels: int = 3, side: int = 64) -> Answers:
    return Answers(
        torch.full((count, channels), value, requires_grad=True),
        torch.full((count, channels, side // 8, side // 8), value, requires_grad=True),
        torch.full((count, channels, side, side), value, requires_grad=True),
    )


def crops(places: torch.Tensor, answers: torch.Tensor) -> Batch:
    return Batch(torch.zeros(len(places), 64, 64, 3, dtype=torch.uint8), places, answers)


def filled(value: int) -> torch.Tensor:
    return torch.full((2, 3, 64, 64), value, dtype=torch.uint8)


def learnt(places: torch.Tensor, answers: torch.Tensor, value: float = 0.3) -> Answers:
    """The gradients of a batch, in the shape of the answers."""
    torch.manual_seed(0)
    given = logits(value)
    cascade_losses(given, crops(places, answers), LOSSES).total.backward()
    return Answers(*(one.grad for one in given))


def test_parts_are_named_and_weighted() -> None:
    places = filled(CLEAN)
    places[:, :2, 8:24, 8:24] = DEFECT
    torch.manual_seed(0)
    found = cascade_losses(logits(), crops(places, torch.ones(2, 3)), LOSSES)
    assert set(found.parts) == PARTS == set(LOSSES.model_dump())
    expected = sum(LOSSES.model_dump()[name] * loss for name, loss in found.parts.items())
    assert found.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_where_nothing_is_known_nothing_is_learnt() -> None:
    torch.manual_seed(0)
    given = logits()
    found = cascade_losses(given, crops(filled(UNKNOWN), torch.full((2, 3), NAN)), LOSSES)
    assert found.total.item() == 0.0
    found.total.backward()
    assert all(one.grad is None or not one.grad.any() for one in given)


def test_an_unknown_answer_teaches_nothing_beside_known_ones() -> None:
    answers = torch.tensor([[1.0, NAN, 0.0], [NAN, 1.0, NAN]])
    grad = learnt(filled(UNKNOWN), answers).whole
    assert torch.equal(grad != 0, ~answers.isnan())
    assert grad[0, 0] < 0 < grad[0, 2]


def test_unknown_pixels_teach_nothing_beside_known_ones() -> None:
    places = filled(CLEAN)
    places[0, :, :, :32] = UNKNOWN
    places[0, 0, 40:56, 40:56] = DEFECT
    grads = learnt(places, torch.full((2, 3), NAN))
    assert not grads.masks[0, :, :, :32].any()
    assert not grads.evidence[0, :, :, :4].any()
    assert grads.masks[0, 0, :, 32:].all()
    assert not grads.whole.any()


def test_pixels_are_pushed_the_way_they_are_known() -> None:
    places = filled(CLEAN)
    places[:, :, 16:32, 16:32] = DEFECT
    grads = learnt(places, torch.full((2, 3), NAN))
    for grad, box in ((grads.masks, slice(16, 32)), (grads.evidence, slice(2, 4))):
        assert (grad[:, :, box, box] < 0).all()
        assert (grad[:, :, : box.start] > 0).all()


def test_a_box_pushes_its_surest_pixels_up_and_none_down() -> None:
    places = filled(CLEAN)
    places[0, 0, 8:40, 8:40] = SOMEWHERE
    given = logits()
    with torch.no_grad():
        given.masks[0, 0, 10:14, 10:14] += 2.0
    torch.manual_seed(0)
    cascade_losses(given, crops(places, torch.full((2, 3), NAN)), LOSSES).total.backward()
    inside = given.masks.grad[0, 0, 8:40, 8:40]
    assert (inside <= 0).all()
    assert (inside[2:6, 2:6] < 0).all()
    assert 0 < (inside < 0).sum() <= 0.11 * inside.numel()
    assert (given.masks.grad[0, 0, 48:] > 0).all()
    assert not given.evidence.grad[0, 0, 1:5, 1:5].any()


def test_a_cell_with_one_defective_pixel_is_evidence() -> None:
    places = filled(CLEAN)
    places[0, 1, 63, 0] = DEFECT
    grad = learnt(places, torch.full((2, 3), NAN)).evidence[0, 1]
    assert (grad < 0).nonzero().tolist() == [[7, 0]]


def test_a_perfect_answer_costs_nearly_nothing() -> None:
    places = filled(CLEAN)
    places[:, :, :32] = DEFECT
    answers = torch.ones(2, 3)
    right = torch.where(places == DEFECT, 20.0, -20.0)
    given = Answers(torch.full((2, 3), 20.0), right[:, :, ::8, ::8], right)
    torch.manual_seed(0)
    assert cascade_losses(given, crops(places, answers), LOSSES).total.item() < 1e-3
    wrong = Answers(*(-one for one in given))
    assert cascade_losses(wrong, crops(places, answers), LOSSES).total.item() > 5.0


def test_a_small_defect_weighs_as_much_as_a_large_one() -> None:
    """Dice is by crop: a pit of thirty pixels is not lost beside a stain of thousands."""
    dice = []
    for sides in ((5, 5), (50, 50), (5, 50)):
        places = filled(UNKNOWN)
        for crop, side in enumerate(sides):
            places[crop, 0] = CLEAN
            places[crop, 0, :side, :side] = DEFECT
        missed = Answers(*(one - 20.0 for one in logits(0.0)))
        parts = cascade_losses(missed, crops(places, torch.full((2, 3), NAN)), LOSSES).parts
        dice.append(parts["mask_dice"].item())
    assert dice[2] == pytest.approx((dice[0] + dice[1]) / 2, abs=0.02)
