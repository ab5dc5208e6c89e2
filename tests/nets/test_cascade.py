"""The shared cascade: shapes, and answers that rest on a place."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from flawscope.nets import SharedCascade  # noqa: E402
from flawscope.nets.cascade import EVIDENCE_STRIDE, EvidenceHead  # noqa: E402

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def cascade() -> SharedCascade:
    torch.manual_seed(0)
    return SharedCascade(
        3, encoder="mobilenetv3_small_050", decoder_channels=(16, 16, 8, 8), pretrained=False
    ).eval()


def test_every_answer_has_a_channel_a_kind_and_one_for_any(cascade: SharedCascade) -> None:
    with torch.no_grad():
        answers = cascade(torch.zeros((2, 64, 96, 3), dtype=torch.uint8))
    assert answers.whole.shape == (2, 4)
    assert answers.evidence.shape == (2, 4, 64 // EVIDENCE_STRIDE, 96 // EVIDENCE_STRIDE)
    assert answers.masks.shape == (2, 4, 64, 96)
    assert {tensor.dtype for tensor in answers} == {torch.float32}


def test_an_untrained_network_finds_defects_improbable(cascade: SharedCascade) -> None:
    with torch.no_grad():
        answers = cascade(torch.full((1, 64, 64, 3), 128, dtype=torch.uint8))
    assert torch.sigmoid(answers.whole).max() < 0.4
    assert torch.sigmoid(answers.masks).mean() < 0.2


def test_images_are_normalised_as_the_encoder_expects(cascade: SharedCascade) -> None:
    seen = []
    hook = cascade.encoder.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    pixels = torch.tensor(cascade.encoder.mean) * 255.0
    image = pixels.round().to(torch.uint8).expand(1, 64, 64, 3)
    with torch.no_grad():
        cascade.features(image)
        cascade.features(torch.full((1, 64, 64, 3), 255, dtype=torch.uint8))
    hook.remove()
    assert seen[0].abs().max() < 0.02
    expected = (1.0 - torch.tensor(cascade.encoder.mean)) / torch.tensor(cascade.encoder.std)
    torch.testing.assert_close(seen[1][0, :, 0, 0], expected, atol=1e-3, rtol=1e-3)


def test_the_whole_answer_is_a_soft_maximum_over_places() -> None:
    """One strong place among many rules the answer, which a mean would drown."""
    head = EvidenceHead([4, 4, 4], answers=2).eval()
    maps = [torch.zeros(1, 4, side, side) for side in (32, 16, 8)]
    evidence = torch.full((1, 2, 32, 32), -4.0)
    evidence[0, 0, 5, 7] = 9.0
    head.evidence.forward = lambda _features: evidence
    with torch.no_grad():
        whole, rests_on = head(maps)
    assert rests_on is not None
    assert whole[0, 0] > 8.0
    assert whole[0, 1] == pytest.approx(-4.0, abs=1e-4)


def test_a_local_change_moves_the_answer_through_its_own_place() -> None:
    torch.manual_seed(1)
    head = EvidenceHead([4, 4, 4], answers=1).eval()
    maps = [torch.randn(1, 4, side, side) for side in (16, 8, 4)]
    changed = [one.clone() for one in maps]
    changed[0][:, :, 3, 12] += 5.0
    with torch.no_grad():
        before, evidence_before = head(maps)
        after, evidence_after = head(changed)
    moved = (evidence_after - evidence_before).abs()[0, 0] > 1e-6
    rows, columns = torch.nonzero(moved, as_tuple=True)
    assert {3} <= set(rows.tolist()) <= {2, 3, 4}
    assert {12} <= set(columns.tolist()) <= {11, 12, 13}
    assert before.item() != after.item()


def test_where_the_answer_comes_from_follows_the_defect() -> None:
    """The answer's gradient lies where the strongest evidence lies."""
    head = EvidenceHead([4, 4, 4], answers=1).eval()
    for row, column in ((2, 3), (13, 9)):
        evidence = torch.full((1, 1, 16, 16), -6.0)
        evidence[0, 0, row, column] = 6.0
        evidence.requires_grad_(True)
        head.evidence.forward = lambda _features, given=evidence: given
        whole, _ = head([torch.zeros(1, 4, side, side) for side in (16, 8, 4)])
        whole.sum().backward()
        share = evidence.grad.abs()[0, 0]
        assert share.argmax().item() == row * 16 + column
        assert share[row, column] > 0.9 * share.sum()
