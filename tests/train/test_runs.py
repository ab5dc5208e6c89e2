"""Whole runs: labelled folders in, a run folder and a model file that inspects out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from train_parts import KINDS, TINY, boxed_parts, masked_parts, sorted_parts  # noqa: E402

from flawscope.bundle import CARD, PICTURE, Bundle  # noqa: E402
from flawscope.errors import RecipeError, TrainingError  # noqa: E402
from flawscope.runtime import Inspector  # noqa: E402
from flawscope.train import TrainedModel, load_recipe, train  # noqa: E402
from flawscope.values import Verdict  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("one_process")]

SHORT = (*TINY, "schedule.steps=2")


def trained(root: Path, out: Path, **options: object) -> TrainedModel:
    return train([root], out, settings=SHORT, **options)


@pytest.fixture(scope="module")
def run(masked: Path, tmp_path_factory: pytest.TempPathFactory, one_process: None) -> TrainedModel:
    out = tmp_path_factory.mktemp("runs") / "run"
    return train([masked], out, settings=TINY)


def test_a_run_leaves_everything_in_its_folder(run: TrainedModel) -> None:
    folder = run.model.parent
    assert sorted(path.name for path in folder.iterdir()) == [
        "best.pt",
        "curves.html",
        "inspector.flaw",
        "last.pt",
        "metrics.jsonl",
        "recipe.yaml",
        "splits",
    ]
    assert [path.name for path in (folder / "splits").iterdir()] == ["parts.json"]
    assert run.steps == 4
    assert 0.0 <= run.score <= 1.0
    assert any("split by group" in note for note in run.notes)
    resolved = load_recipe(str(folder / "recipe.yaml"))
    assert resolved == load_recipe("shared", TINY)


def test_the_model_inspects(run: TrainedModel, masked: Path) -> None:
    inspector = Inspector.load(run.model, engine="onnxruntime")
    assert inspector.manifest.kinds == KINDS
    for number in (0, 20):
        found = inspector.inspect(masked / "images" / f"{number:03}.png")
        assert 0.0 <= found.score <= 1.0
        assert set(found.kinds) == set(KINDS)
        assert found.verdict in Verdict
        assert found.reasons


def test_the_model_says_what_it_was_made_from(run: TrainedModel) -> None:
    manifest = Bundle.open(run.model).manifest
    images = manifest.dataset["images"]
    assert sum(counts["parts"] for counts in images.values()) == 24
    assert set(manifest.dataset["fingerprints"]) == {"parts"}
    assert manifest.recipe["schedule"]["steps"] == 4
    assert manifest.seed == 0
    assert {"flawscope", "torch", "onnx"} <= set(manifest.versions)
    assert "Apache-2.0" in manifest.licences["tf_efficientnet_lite0"]
    assert set(manifest.metrics["gates"]) == {"hard", "soft", "none"}
    assert manifest.metrics["validation"]["parts"]["images"] == images["validation"]["parts"]
    assert set(manifest.policy.kinds) == set(KINDS)


def test_the_card_tells_figures_with_what_they_rest_on(run: TrainedModel) -> None:
    bundle = Bundle.open(run.model)
    card = bundle.read(CARD).decode()
    images = bundle.manifest.dataset["images"]["validation"]["parts"]
    assert card.startswith("# run\n")
    assert "Kinds of defect: pit, scratch." in card
    for figure in ("screen, AUROC", "mean IoU over kinds", "escapes", "overkill"):
        (line,) = (line for line in card.splitlines() if line.startswith(f"| {figure} |"))
        assert "n " in line or "no figure" in line
    assert f"n {images})" in card
    assert " to " in card
    assert bundle.read(PICTURE).startswith(b"\x89PNG")


def test_a_changed_recipe_is_not_resumed(run: TrainedModel, masked: Path) -> None:
    out = run.model.parent
    before = (out / "inspector.flaw").read_bytes()
    for change, key in (("crops.size=96", "crops.size"), ("seed=3", "seed")):
        with pytest.raises(RecipeError, match=key):
            train([masked], out, settings=[*TINY, change], resume=True)
    with pytest.raises(RecipeError, match=r"schedule\.minutes"):
        train([masked], out, settings=TINY, minutes=5, resume=True)
    assert (out / "inspector.flaw").read_bytes() == before


def test_a_folder_that_holds_something_is_refused(run: TrainedModel, masked: Path) -> None:
    with pytest.raises(TrainingError, match="something already") as caught:
        trained(masked, run.model.parent)
    assert "--resume" in str(caught.value.remedy)
    with pytest.raises(TrainingError, match="something already"):
        trained(masked, run.model)


def test_a_run_goes_on_with_its_own_datasets_alone(
    run: TrainedModel, masked: Path, tmp_path: Path
) -> None:
    out = run.model.parent
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    other = tmp_path / "others"
    shutil.copytree(masked, other)
    for roots in ([other], [masked, other]):
        with pytest.raises(TrainingError, match=f"was begun on {masked.name}, not on"):
            train(roots, out, settings=TINY, resume=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_where_no_run_is_there_is_nothing_to_resume(masked: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no run to resume"):
        trained(masked, tmp_path / "none", resume=True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("setting", ["encoder.name=tf_eficientnet_lite0", "crops.size=63"])
def test_a_run_that_cannot_begin_leaves_nothing(masked: Path, tmp_path: Path, setting: str) -> None:
    out = tmp_path / "run"
    with pytest.raises((TrainingError, RecipeError)):
        train([masked], out, settings=[*SHORT, setting])
    assert not out.exists()


def test_the_current_folder_has_a_name(
    masked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def prepared(roots: Sequence[Path], *_arguments: object, **_options: object) -> None:
        seen.extend(roots)
        raise TrainingError("enough")

    monkeypatch.setattr("flawscope.train.run.prepare", prepared)
    monkeypatch.chdir(masked)
    with pytest.raises(TrainingError, match="enough"):
        trained(Path(), tmp_path / "run")
    assert [root.name for root in seen] == ["parts"]


def test_all_defective_parts_train(tmp_path: Path) -> None:
    """As in rolled steel, where every image shows a defect: good examples come from its rest."""
    found = trained(masked_parts(tmp_path / "steel", good=0, defective=10), tmp_path / "run")
    manifest = Inspector.load(found.model, engine="onnxruntime").manifest
    assert manifest.metrics["validation"]["steel"]["screen"]["auroc"]["value"] is None
    assert manifest.metrics["validation"]["steel"]["locate"]["mean_iou"]["n"] > 0


def test_all_good_parts_train(tmp_path: Path) -> None:
    found = trained(masked_parts(tmp_path / "clean", good=10, defective=0), tmp_path / "run")
    policy = Inspector.load(found.model, engine="onnxruntime").manifest.policy
    assert 0.0 <= policy.accept_below <= policy.reject_above <= 1.0


def test_boxes_train(masked: Path, tmp_path: Path) -> None:
    found = trained(boxed_parts(masked, tmp_path / "boxed"), tmp_path / "run")
    manifest = Inspector.load(found.model, engine="onnxruntime").manifest
    assert manifest.kinds == KINDS
    assert manifest.metrics["validation"]["boxed"]["screen"]["auroc"]["n"] > 0


def test_labels_alone_train(masked: Path, tmp_path: Path) -> None:
    root = sorted_parts(masked, tmp_path / "sorted", ("ok", "defective"))
    found = trained(root, tmp_path / "run")
    for engine in ("onnxruntime", "openvino"):
        inspector = Inspector.load(found.model, engine=engine)
        assert inspector.manifest.kinds == ()
        inspection = inspector.inspect(next(root.glob("ok/*.png")))
        assert inspection.kinds == {}


def test_five_images_of_each_kind_are_enough_to_start_from_another_model(
    run: TrainedModel, tmp_path: Path
) -> None:
    root = masked_parts(tmp_path / "few", good=0, defective=10)
    found = trained(root, tmp_path / "run", start_from=run.model)
    manifest = Bundle.open(found.model).manifest
    assert manifest.dataset["started_from"]["sha256"] == Bundle.open(run.model).digest
    (seen,) = manifest.dataset["fingerprints"].values()
    assert seen["kinds"] == dict.fromkeys(KINDS, 5)
    assert manifest.kinds == KINDS


def test_kinds_alone_train_and_start_from_another_model(
    run: TrainedModel, masked: Path, tmp_path: Path
) -> None:
    """With a rate of nearly nothing, what comes out is what went in, kind by kind."""
    root = sorted_parts(masked, tmp_path / "sorted", ("good", "dent", "scratch"))
    slow = (*SHORT, "schedule.learning_rate=1e-9")
    found = train([root], tmp_path / "run", settings=slow, start_from=run.model)
    origin, bundle = Bundle.open(run.model), Bundle.open(found.model)
    assert bundle.manifest.kinds == ("dent", "scratch")
    assert bundle.manifest.dataset["started_from"]["sha256"] == origin.digest
    assert bundle.manifest.licences == origin.manifest.licences
    assert f"from the weights of `run` (sha256 {origin.digest[:12]})" in bundle.read(CARD).decode()
    before, after = (
        torch.load(one.model.parent / "best.pt", weights_only=True) for one in (run, found)
    )
    decoding = "decoder.blocks.0.conv1.0.weight"
    torch.testing.assert_close(after[decoding], before[decoding], atol=1e-3, rtol=1e-3)
    evidence = "head.evidence.weight"
    for new, old in ((0, 0), (2, 2)):  # any defect, scratch
        torch.testing.assert_close(
            after[evidence][new], before[evidence][old], atol=1e-3, rtol=1e-3
        )
    assert not torch.allclose(after[evidence][1], before[evidence][1], atol=1e-3)


def test_ctrl_c_saves_and_resume_goes_on(masked: Path, tmp_path: Path) -> None:
    """As from a terminal: the signal reaches every process of the group."""
    out = tmp_path / "run"
    settings = [*TINY, "schedule.steps=24", "schedule.validate_every=4"]
    command = [sys.executable, "-m", "flawscope", "train", str(masked), "--out", str(out)]
    command += [word for setting in settings for word in ("--set", setting)]
    first = subprocess.Popen(
        command, start_new_session=True, stderr=subprocess.PIPE, cwd=tmp_path, text=True
    )
    metrics = out / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text()):
        assert first.poll() is None, first.communicate()[1]
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGINT)
    said = first.communicate()[1]
    assert first.returncode == 130, said
    assert "--resume" in said
    assert "Traceback" not in said
    step = torch.load(out / "last.pt", weights_only=True)["progress"]["step"]
    assert 1 <= step < 24
    assert not (out / "inspector.flaw").exists()
    assert not list(out.glob(".partial-*"))

    found = train([masked], out, settings=settings, resume=True)
    assert found.steps == 24
    assert Inspector.load(found.model, engine="onnxruntime").manifest.kinds == KINDS
    assert found.notes == ("parts: the run's own split",)
