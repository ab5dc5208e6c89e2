"""Networks of a recipe: sizes that do not fit are refused with those that would."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from flawscope.errors import TrainingError
from flawscope.nets import Classifier, Segmenter
from flawscope.train.fitting import refuse_misfit

pytestmark = pytest.mark.train

SMALL = {"encoder": "mobilenetv3_small_050", "pretrained": False}


def test_a_size_that_does_not_fit_is_refused_with_those_that_would() -> None:
    network = Segmenter((0,), decoder="pan", decoder_channels=(8, 8, 8, 8), **SMALL)
    with pytest.raises(TrainingError, match="no crops of 96 pixels") as caught:
        refuse_misfit(network, 96)
    assert caught.value.where == "crops.size"
    assert "Set it to 128 or 160" in str(caught.value)
    refuse_misfit(network, 128)
    assert network.training


@pytest.mark.parametrize(
    ("encoder", "size", "said"),
    [
        ("vit_tiny_patch16_224", 96, "no crops of 96 pixels"),
        ("vit_tiny_patch16_224", 224, "224 x 224 pixels, none of 256 x 256"),
        ("maxvit_rmlp_pico_rw_256", 256, "256 x 256 pixels, none of 288 x 288"),
        ("mobilevit_xxs", 64, "once exported, takes pictures of one size alone"),
    ],
)
def test_a_network_that_does_not_take_any_picture_is_refused(
    encoder: str, size: int, said: str
) -> None:
    network = Classifier((0,), encoder=encoder, pretrained=False)
    with pytest.raises(TrainingError, match=said) as caught:
        refuse_misfit(network, size)
    assert caught.value.where == "encoder.name"
    assert "Choose an encoder that takes any size" in str(caught.value)
