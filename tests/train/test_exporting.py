"""Certificates of trained networks: written as a run ends, and again from the file or the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from train_parts import TINY  # noqa: E402

from flawscope.bundle import Bundle  # noqa: E402
from flawscope.cli import main  # noqa: E402
from flawscope.runtime import Inspector  # noqa: E402
from flawscope.runtime.verifying import verify  # noqa: E402
from flawscope.train import TrainedModel, train  # noqa: E402
from flawscope.train.golden_parts import golden_parts  # noqa: E402
from flawscope.values import Precision  # noqa: E402

pytestmark = [pytest.mark.train, pytest.mark.usefixtures("one_process")]

SETTINGS = (*TINY, "certificate.pictures=4", "certificate.photographs=3")


ENGINE = "onnxruntime"
"""Ready sooner; ``test_certifying`` goes through both."""


def in_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few golden pictures, on one engine."""
    monkeypatch.setattr("flawscope.train.certifying.golden_parts", lambda _: golden_parts(4))
    for module in ("certifying", "lowering"):
        monkeypatch.setattr(f"flawscope.train.{module}.installed_engines", lambda: (ENGINE,))


@pytest.fixture(scope="module")
def run(masked: Path, tmp_path_factory: pytest.TempPathFactory, one_process: None) -> TrainedModel:
    """With variants in INT8, which are not asked to be faster, within limits that all keep."""
    out = tmp_path_factory.mktemp("runs") / "run"
    loose = ("certificate.flips=1.0", "certificate.drop=1.0", "certificate.overlap=0.0")
    with pytest.MonkeyPatch.context() as patch:
        in_short(patch)
        patch.setattr("flawscope.train.lowering._is_faster", lambda *_: True)
        patch.setattr("flawscope.train.certifying._MOST_ASKED", 1.0)
        return train([masked], out, settings=(*SETTINGS, *loose))


def test_a_run_ends_with_a_certificate(run: TrainedModel) -> None:
    manifest = Bundle.open(run.model).manifest
    certificate = manifest.certificate
    assert certificate is not None
    assert [set(stage.variants) for stage in manifest.stages] == [{Precision.INT8}] * 2
    for choice in certificate.choices:
        assert {name: one.pictures for name, one in choice.replays.items()} == {
            "golden": 4,
            "validation": 3,
        }
    assert [tuple(one.precisions.values()) for one in certificate.choices] == [
        ("float32", "float32"),
        ("float32", "int8"),
        ("int8", "int8"),
    ]
    # The file keeps weights as float16; PyTorch had them in full.
    assert 0.0 < certificate.choices[0].replays["golden"].score_difference < 0.01
    assert {"torch", ENGINE} == certificate.versions.keys()


def test_every_certified_choice_runs_and_is_verified(run: TrainedModel, masked: Path) -> None:
    checked = verify(run.model, threads=1)
    assert [one.faults for one in checked] == [()] * len(checked)
    image = next((masked / "images").iterdir())
    inspector = Inspector.load(run.model, engine=ENGINE, precision="int8", threads=1)
    assert Precision.INT8 in inspector.precisions.values()
    inspector.inspect(image)


def test_a_run_is_exported_again_with_photographs(
    run: TrainedModel,
    masked: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    in_short(monkeypatch)
    before = run.model.read_bytes()
    arguments = ["--on", str(masked), "--photographs", "2", "--no-int8", "--json"]
    assert main(["export", str(run.model.parent), "--out", "new.flaw", *arguments]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    new = Bundle.open(Path("new.flaw"))
    assert new.manifest.certificate is not None
    assert told["certificate"] == new.manifest.certificate.model_dump(mode="json")
    old = Bundle.open(run.model)
    assert run.model.read_bytes() == before
    # The same weights and policy, and none of the variants and golden pictures from before.
    for stage in old.manifest.stages:
        assert new.read(stage.graph) == old.read(stage.graph)
    assert new.manifest.policy == old.manifest.policy
    assert new.manifest.graphs == {stage.graph for stage in old.manifest.stages}
    (plain, *_) = new.manifest.certificate.choices
    # Built again from the file, PyTorch has the weights that the engines have.
    assert plain.replays["golden"].pictures == 4
    assert plain.replays["golden"].score_difference <= 2e-5
    assert plain.replays["validation"].pictures == 2


def test_what_cannot_be_exported_is_told_why(
    shared_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new.flaw"
    assert main(["export", str(shared_model), "--out", str(out)]) == 2
    assert "its networks cannot be built again from its recipe" in capsys.readouterr().err
    assert main(["export", str(tmp_path), "--out", str(out)]) == 2
    assert "the run has no inspector.flaw yet. Finish it" in capsys.readouterr().err
    assert not out.exists()


def test_graphs_that_do_not_answer_as_pytorch_does_are_not_written(
    run: TrainedModel,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flawscope.train import exporting

    rebuilt = exporting._rebuilt

    def perturbed(bundle: Bundle) -> Any:
        eager = dict(rebuilt(bundle))
        encode = eager["encoder"]

        def always_sure(tensors: Any) -> Any:
            given = encode(tensors)
            return given | {"screen": 1.0 - given["screen"].round()}

        return eager | {"encoder": always_sure}

    monkeypatch.setattr(exporting, "_rebuilt", perturbed)
    in_short(monkeypatch)
    out = tmp_path / "new.flaw"
    assert main(["export", str(run.model), "--out", str(out), "--no-int8"]) == 2
    told = capsys.readouterr().err
    assert "its graphs do not give PyTorch's answers" in told
    assert "verdicts flipped: golden-000" in told
    assert not out.exists()


def test_exporting_needs_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import builtins

    real = builtins.__import__

    def without_torch(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "flawscope.train":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    assert main(["export", str(tmp_path), "--out", "m.flaw"]) == 2
    assert 'pip install "flawscope[train]"' in capsys.readouterr().err


def test_a_policy_is_chosen_anew_on_other_parts(
    run: TrainedModel,
    masked: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    in_short(monkeypatch)
    careless = tmp_path / "careless.flaw"
    words = ["info", run.model, "--set", "policy.accept_below=1.0"]
    assert main([*map(str, words), "--set", "policy.reject_above=1.0", "--out", str(careless)]) == 0
    before = Bundle.open(careless)
    out = tmp_path / "careful.flaw"
    words = ["export", careless, "--out", out, "--on", masked, "--choose-policy", "--no-int8"]
    assert main([*map(str, words), "--max-flips", "1", "--json"]) == 0
    after = Bundle.open(out)
    assert after.manifest.policy.accept_below < 1.0
    assert after.manifest.policy.kinds.keys() == set(before.manifest.kinds)
    assert after.manifest.input.to_multiple == "resize"
    assert set(after.manifest.metrics["validation"]) == {masked.name}
    for name in after.manifest.graphs:
        assert after.read(name) == before.read(name)
    assert 0.0 <= Inspector.load(out, engine=ENGINE).inspect(_a_picture(masked)).score <= 1.0
    capsys.readouterr()
    assert main(["export", str(careless), "--out", str(out), "--choose-policy"]) == 2
    assert "--on DATASET" in capsys.readouterr().err


def _a_picture(root: Path) -> Path:
    return next(path for path in sorted(root.rglob("*.png")) if "mask" not in str(path))
