"""The founding cascade: networks of their own, trained by themselves, and one model file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from train_parts import BRIEF, KINDS, sorted_parts  # noqa: E402

from flawscope.bundle import Bundle  # noqa: E402
from flawscope.data import apply_split, read, split  # noqa: E402
from flawscope.errors import RecipeError, TrainingError  # noqa: E402
from flawscope.images import open_image  # noqa: E402
from flawscope.runtime import Cascade, Clock, Inspector, load_graph  # noqa: E402
from flawscope.train import TrainedModel, load_recipe, train  # noqa: E402
from flawscope.train.networks import lessons_for, parts_of  # noqa: E402
from flawscope.train.recipe import recipe_yaml  # noqa: E402
from flawscope.train.supervision import Curriculum, plan  # noqa: E402
from flawscope.values import Gate, KindPolicy, Policy  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("one_process")]

SMALL = "{name: mobilenetv3_small_050, pretrained: false}"
SETTINGS = (
    *BRIEF,
    "schedule.steps=2",
    f"founding.screen.encoder={SMALL}",
    f"founding.kinds.encoder={SMALL}",
    "founding.locate.encoder={name: mobilenetv3_small_050, pretrained: false, frozen: 0}",
    "founding.locate.decoder.channels=[16, 16, 8, 8]",
)


@pytest.fixture(scope="module")
def founded(
    masked: Path, tmp_path_factory: pytest.TempPathFactory, one_process: None
) -> TrainedModel:
    out = tmp_path_factory.mktemp("founding") / "run"
    return train([masked], out, recipe="founding", settings=SETTINGS)


def test_every_question_has_networks_of_its_own(founded: TrainedModel) -> None:
    manifest = Bundle.open(founded.model).manifest
    assert [
        (stage.name, stage.inputs, stage.outputs, stage.channels) for stage in manifest.stages
    ] == [
        ("screen", ("image",), ("screen",), ()),
        ("kinds", ("image",), ("kinds",), ()),
        ("locate-1", ("image",), ("masks",), ("pit",)),
        ("locate-2", ("image",), ("masks",), ("scratch",)),
    ]
    for part in ("screen", "kinds", "locate-1", "locate-2"):
        folder = founded.model.parent / part
        assert {path.name for path in folder.iterdir()} >= {"best.pt", "last.pt", "metrics.jsonl"}
    assert founded.steps == 8


def counted(model: Path, policy: Policy, image: np.ndarray) -> Counter[str]:
    """How often each stage ran on an image."""
    bundle = Bundle.open(model)
    manifest = bundle.manifest.model_copy(update={"policy": policy})
    runs: Counter[str] = Counter()

    def counting(name: str, graph: str):
        run = load_graph("onnxruntime", bundle.read(graph), 1, graph)

        def count(tensors):
            runs[name] += 1
            return run(tensors)

        return count

    graphs = {stage.name: counting(stage.name, stage.graph) for stage in manifest.stages}
    Cascade(manifest, graphs).ask(image, Clock())
    return runs


def test_stages_that_are_not_asked_for_are_not_run(founded: TrainedModel, masked: Path) -> None:
    image = open_image(masked / "images" / "020.png")
    accepting = Policy(accept_below=1.0, reject_above=1.0)
    assert counted(founded.model, accepting, image) == {"screen": 1}
    kinds = {"pit": KindPolicy(probability=1.0), "scratch": KindPolicy(probability=0.0)}
    one = Policy(accept_below=0.0, reject_above=1.0, gate=Gate.HARD, kinds=kinds)
    assert counted(founded.model, one, image) == {"screen": 1, "kinds": 1, "locate-2": 1}
    every = Policy(accept_below=0.0, reject_above=1.0, gate=Gate.NONE)
    assert set(counted(founded.model, every, image)) == {"screen", "kinds", "locate-1", "locate-2"}


def test_a_founding_run_is_resumed_and_started_from(
    founded: TrainedModel, masked: Path, tmp_path: Path
) -> None:
    out = founded.model.parent
    before = {part: (out / part / "best.pt").read_bytes() for part in ("screen", "locate-2")}
    again = train([masked], out, resume=True)
    assert again.steps == founded.steps
    assert all((out / part / "best.pt").read_bytes() == kept for part, kept in before.items())
    frozen = (
        "founding.screen.encoder={name: mobilenetv3_small_050, pretrained: false, freeze: encoder}"
    )
    found = train(
        [masked],
        tmp_path / "next",
        recipe="founding",
        settings=[*SETTINGS, frozen],
        start_from=founded.model,
    )
    ours = torch.load(tmp_path / "next" / "screen" / "best.pt", weights_only=True)
    theirs = torch.load(out / "screen" / "best.pt", weights_only=True)
    name = "encoder.conv_stem.weight"
    torch.testing.assert_close(ours[name], theirs[name], atol=1e-3, rtol=1e-3)
    assert not torch.equal(ours["answer.weight"], theirs["answer.weight"].half().float())
    assert Bundle.open(found.model).manifest.dataset["started_from"]["name"] == "run"


def test_one_locator_for_all_kinds(masked: Path, tmp_path: Path) -> None:
    settings = [*SETTINGS, "founding.locate.per_kind=false"]
    found = train([masked], tmp_path / "run", recipe="founding", settings=settings)
    stages = Bundle.open(found.model).manifest.stages
    assert [stage.channels for stage in stages] == [(), (), ("defect", *KINDS)]


def test_what_no_mask_shows_is_not_located(masked: Path, tmp_path: Path) -> None:
    root = sorted_parts(masked, tmp_path / "sorted", ["good", "pit", "scratch"])
    found = train([root], tmp_path / "run", recipe="founding", settings=SETTINGS)
    inspector = Inspector.load(found.model, engine="onnxruntime")
    assert [stage.name for stage in inspector.manifest.stages] == ["screen", "kinds"]
    assert inspector.inspect(masked / "images" / "020.png").defects == ()


def test_a_classifier_of_exclusive_classes(masked: Path, tmp_path: Path) -> None:
    small = ("encoder.name=mobilenetv3_small_050", "encoder.pretrained=false")
    settings = [*BRIEF, "schedule.steps=2", *small]
    found = train([masked], tmp_path / "run", recipe="gradcam", settings=settings)
    inspector = Inspector.load(found.model, engine="onnxruntime")
    (stage,) = inspector.manifest.stages
    assert stage.outputs == ("screen", "kinds")
    seen = inspector.inspect(masked / "images" / "020.png")
    if seen.kinds:
        assert seen.score == pytest.approx(sum(seen.kinds.values()), abs=1e-3)


def test_the_recipes_are_the_method_as_described() -> None:
    founding = load_recipe("founding").founding
    assert founding.screen.encoder.name == founding.kinds.encoder.name == "densenet121"
    assert founding.locate.encoder.name == "efficientnet_b2"
    assert founding.locate.per_kind
    gradcam = load_recipe("gradcam")
    assert (gradcam.kind, gradcam.encoder.name) == ("classifier", "resnext101_32x8d")
    empty = Curriculum((), {"train": ()})
    assert [part.name for part in parts_of(load_recipe("founding"), empty)] == ["screen"]


def test_weights_that_cannot_be_downloaded_are_named(
    masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_arguments: object, **_options: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr("timm.models._builder.load_pretrained", offline)
    with pytest.raises(TrainingError, match=r"densenet121.*no route to host"):
        train([masked], tmp_path / "run", recipe="founding", settings=BRIEF)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("founding.locate.decoder.name=unett", "founding.locate.decoder.name"),
        (f"founding.locate.encoder={SMALL.replace('050', '05')}", "founding.locate.encoder.name"),
    ],
)
def test_a_wrong_name_in_the_last_network_is_told_before_the_first_is_trained(
    masked: Path, tmp_path: Path, setting: str, key: str
) -> None:
    with pytest.raises(TrainingError) as caught:
        train([masked], tmp_path / "run", recipe="founding", settings=[*SETTINGS, setting])
    assert caught.value.where == key
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("recipe", "setting", "remedy"),
    [
        ("founding", "encoder.name=resnet18", "Set founding.screen.encoder.name or founding.kinds"),
        ("founding", "decoder.name=fpn", r"Set founding.locate.decoder.name$"),
        ("gradcam", "decoder.name=fpn", "Leave it out"),
        ("gradcam", "encoder.frozen=0", "Leave it out"),
        ("gradcam", "costs.second_look=false", "Leave it out"),
        ("shared", "founding.locate.per_kind=false", "Leave it out"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(recipe: str, setting: str, remedy: str) -> None:
    with pytest.raises(RecipeError, match=remedy) as caught:
        load_recipe(recipe, [setting])
    assert caught.value.where == setting.partition("=")[0]


def test_a_key_of_a_file_that_would_do_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("kind: founding\nencoder: {name: tf_efficientnet_lite0, frozen: 0}\n")
    with pytest.raises(RecipeError, match="has no use for it") as caught:
        load_recipe(str(file))
    assert caught.value.where == f"{file}: encoder.frozen"


@pytest.mark.parametrize("name", ["shared", "founding", "gradcam"])
def test_what_a_run_keeps_of_its_recipe_is_a_recipe(tmp_path: Path, name: str) -> None:
    recipe = load_recipe(name)
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe_yaml(recipe))
    assert load_recipe(str(file)) == recipe
    assert ("founding" in file.read_text()) is (name == "founding")


def test_each_locator_learns_from_the_images_of_its_own_kind_alone(masked: Path) -> None:
    data = read(masked)
    recipe = load_recipe("founding", SETTINGS)
    curriculum = plan([apply_split(data, split(data))], recipe)
    parts = parts_of(recipe, curriculum)
    assert [part.of_kind for part in parts] == [None, None, *KINDS]
    for part in parts:
        for side, lessons in lessons_for(part, curriculum).lessons.items():
            every = curriculum.lessons[side]
            shown = [one for one in every if part.of_kind in (None, *(one.sample.kinds or ()))]
            assert list(lessons) == shown
            assert part.of_kind is None or 0 < len(lessons) < len(every)
