"""Mask R-CNN as the third question of the founding cascade: targets, and a whole run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from train_parts import BRIEF, KINDS  # noqa: E402

from flawscope.bundle import Bundle  # noqa: E402
from flawscope.cli import main  # noqa: E402
from flawscope.nets import MaskRCNN  # noqa: E402
from flawscope.nets.mask_rcnn import _PROPOSALS  # noqa: E402
from flawscope.runtime import Inspector  # noqa: E402
from flawscope.train import load_recipe, train  # noqa: E402
from flawscope.train.instances import target_of  # noqa: E402
from flawscope.train.loop import _optimizer  # noqa: E402
from flawscope.train.networks import parts_of  # noqa: E402
from flawscope.train.supervision import (  # noqa: E402
    CLEAN,
    DEFECT,
    SOMEWHERE,
    UNKNOWN,
    Curriculum,
)

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("one_process")]

SMALL = "{name: mobilenetv3_small_050, pretrained: false}"
SETTINGS = (
    *BRIEF,
    "schedule.steps=2",
    "founding.locate.network=mask_rcnn",
    f"founding.screen.encoder={SMALL}",
    f"founding.kinds.encoder={SMALL}",
    "founding.locate.encoder={name: mobilenetv3_small_050, pretrained: false, frozen: 0}",
)


def known() -> torch.Tensor:
    """Two pieces of the first kind, one of the second."""
    places = torch.full((2, 32, 48), CLEAN, dtype=torch.uint8)
    places[0, 4:10, 6:14] = DEFECT
    places[0, 20:21, 30:48] = DEFECT
    places[1, 25:32, 0:5] = DEFECT
    return places


def test_every_piece_of_a_kind_is_an_instance() -> None:
    target = target_of(known())
    assert target.boxes.dtype == torch.float32
    assert sorted(map(tuple, target.boxes.tolist())) == [
        (0, 25, 5, 32),
        (6, 4, 14, 10),
        (30, 20, 48, 21),
    ]
    assert sorted(target.labels.tolist()) == [1, 1, 2]
    for box, label, mask in zip(target.boxes.int(), target.labels, target.masks, strict=True):
        left, top, right, bottom = box.tolist()
        assert mask.sum() == mask[top:bottom, left:right].sum() == (right - left) * (bottom - top)
        assert (known()[label - 1][mask.bool()] == DEFECT).all()


def test_a_clean_crop_has_no_instance() -> None:
    target = target_of(torch.full((2, 32, 48), CLEAN, dtype=torch.uint8))
    assert target.boxes.shape == (0, 4)
    assert target.labels.shape == (0,)
    assert target.masks.shape == (0, 32, 48)


@pytest.mark.parametrize("what", [SOMEWHERE, UNKNOWN])
def test_what_is_not_fully_known_teaches_nothing(what: int) -> None:
    places = known()
    places[1, 0, 0] = what
    assert target_of(places) is None


def test_a_defect_of_one_kind_is_of_no_other() -> None:
    places = known()
    places[1, 4:10, 6:14] = UNKNOWN
    assert sorted(target_of(places).labels.tolist()) == [1, 1, 2]
    places[1, 4:10, 6:14] = SOMEWHERE
    assert target_of(places) is None


def test_a_texture_of_specks_teaches_nothing() -> None:
    places = torch.full((2, 32, 48), CLEAN, dtype=torch.uint8)
    places[0, ::2, ::2] = DEFECT
    assert target_of(places) is None


def test_it_is_one_network_for_all_kinds() -> None:
    recipe = load_recipe("founding", SETTINGS)
    assert recipe.founding.locate.per_kind
    assert load_recipe("founding").founding.locate.network == "segmenter"
    assert [part.name for part in parts_of(recipe, Curriculum((), {"train": ()}))] == ["screen"]


def test_a_run_ends_in_a_model_that_is_inspected_with_and_judged(
    masked: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Untrained, it finds as much as it may in every image.
    monkeypatch.setitem(_PROPOSALS, "box_detections_per_img", 5)
    trained = train([masked], tmp_path / "run", recipe="founding", settings=SETTINGS)
    stages = Bundle.open(trained.model).manifest.stages
    assert [(stage.name, stage.outputs, stage.channels) for stage in stages] == [
        ("screen", ("screen",), ()),
        ("kinds", ("kinds",), ()),
        ("locate", ("masks",), ("defect", *KINDS)),
    ]
    assert trained.steps == 6
    image = masked / "images" / "020.png"
    assert 0.0 <= Inspector.load(trained.model).inspect(image).score <= 1.0
    capsys.readouterr()
    assert main(["evaluate", str(masked), "--model", str(trained.model), "--json"]) == 0
    assert set(KINDS) <= json.loads(capsys.readouterr().out)["locate"]["by_kind"].keys()


def test_it_learns_at_a_lower_rate() -> None:
    network = MaskRCNN((0, 1), encoder="mobilenetv3_small_050", pretrained=False, width=16)
    schedule = load_recipe("founding").schedule
    bases = {group["base"] for group in _optimizer(network, schedule).param_groups}
    highest = schedule.learning_rate * network.rate
    assert bases == {highest, highest * schedule.encoder_rate}
    assert network.rate < 1.0
