"""Networks of a recipe: sizes that do not fit are refused with those that would."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from flawscope.errors import TrainingError
from flawscope.nets import Classifier, Segmenter
from flawscope.train.networks import refuse_misfit

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


def test_a_network_of_one_size_alone_is_refused() -> None:
    network = Classifier((0,), encoder="vit_tiny_patch16_224", pretrained=False)
    with pytest.raises(TrainingError, match="no crops of 96 pixels") as caught:
        refuse_misfit(network, 96)
    assert "Set it to 224" in str(caught.value)
    with pytest.raises(TrainingError, match="224 x 224 pixels alone"):
        refuse_misfit(network, 224)
