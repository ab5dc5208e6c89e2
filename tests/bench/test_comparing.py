"""Real models on real files: what is chosen, what is timed, what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from time import process_time

import numpy as np
import pytest

from flawscope.bench import InspectorSide, Picture, Setup, Timing, compare, composed, predict
from flawscope.bench.memory import peak_mb
from flawscope.bench.pictures import named_pictures, rendered_trial
from flawscope.bundle import shipped_model
from flawscope.errors import EngineError, EvaluationError, ImageError
from flawscope.images import open_image, save_image
from flawscope.runtime import Inspector
from flawscope.values import KindPolicy, Policy, Size, Verdict
from toy_models import write_model

QUICK = Setup(engine="onnxruntime", threads=1)
SMALL = Size(64, 64)


def silent(_share: float, _words: str) -> None:
    pass


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, which takes parts without a bright pixel for good ones."""
    policy = Policy(accept_below=0.9, reject_above=0.95)
    return write_model(tmp_path_factory.mktemp("model") / "toy.flaw", policy=policy)


def test_parts_are_chosen_by_what_the_model_says(model: Path, tmp_path: Path) -> None:
    inspector = QUICK.load(model)
    trial = rendered_trial(tmp_path, SMALL, [inspector], silent)
    assert len(trial.good) == len(trial.defective) == 4
    assert {picture.path for picture in trial.pictures} == set(tmp_path.iterdir())
    for picture in trial.pictures:
        assert open_image(picture.path).shape == (64, 64, 3)
        inspection = inspector.inspect(picture.path)
        located = "decoder" in inspection.seconds and bool(inspection.defects)
        assert located is picture.defective
        assert (inspection.verdict is Verdict.ACCEPT) is not picture.defective


def test_models_must_agree_on_parts(model: Path, tmp_path: Path) -> None:
    policy = Policy(accept_below=0.0, reject_above=0.95)
    strict = write_model(tmp_path / "strict.flaw", policy=policy)
    inspectors = [QUICK.load(path) for path in (model, strict)]
    with pytest.raises(EvaluationError, match=r"none that is accepted.*--images DIR"):
        rendered_trial(tmp_path, SMALL, inspectors, silent)


def test_named_pictures_are_taken_by_what_the_model_says(model: Path, tmp_path: Path) -> None:
    for number in range(100):
        value = 250 if number % 2 else 30
        save_image(np.full((8, 8, 3), value, np.uint8), tmp_path / f"{number:03}.png")
    (tmp_path / "000.png").write_bytes(b"no image")
    pictures, broken = named_pictures(tmp_path, QUICK.load(model), silent)
    assert len(pictures) == 63
    assert [str(error.where) for error in broken] == [str(tmp_path / "000.png")]
    for picture in pictures:
        assert picture.defective == bool(int(picture.path.stem) % 2)


def test_folders_without_usable_images_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="there is no image here"):
        compare(model, images=tmp_path, setup=QUICK)
    (tmp_path / "only.png").write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"only\.png"):
        compare(model, images=tmp_path, setup=QUICK)


def test_time_must_be_given(model: Path) -> None:
    with pytest.raises(EvaluationError, match="0 seconds are no time"):
        compare(model, seconds=0)


def test_lines_have_streams_and_single_pictures_the_soonest_answer(model: Path) -> None:
    side = InspectorSide.of(model, Setup(engine="onnxruntime", threads=2))
    assert side.soonest is not None
    assert (side.inspector.streams, side.soonest.streams) == (2, 1)
    asked = InspectorSide.of(model, Setup(engine="onnxruntime", threads=2, streams=2))
    assert asked.soonest is asked.inspector


def test_memory_is_of_a_process_that_inspects(model: Path, tmp_path: Path) -> None:
    save_image(np.full((8, 8, 3), 30, np.uint8), tmp_path / "small.png")
    save_image(np.full((2048, 2048, 3), 30, np.uint8), tmp_path / "large.png")
    small, large = (peak_mb(model, QUICK, [tmp_path / name]) for name in ("small.png", "large.png"))
    if small is None or large is None:
        pytest.skip("this system does not say")
    pixels = 2048 * 2048 * 3 / 1e6
    assert large - small > 0.5 * pixels
    with pytest.raises(EngineError, match=r"ended with 1 .*no engine 'abacus'"):
        peak_mb(model, Setup(engine="abacus"), [])


def test_predictions_are_what_is_then_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By the processor's time, which other processes do not lengthen as they do the clock's.
    monkeypatch.setattr("flawscope.bench.sides.perf_counter", process_time)
    monkeypatch.setattr("flawscope.bench.predicting._SECONDS", 0.3)
    size = Size(96, 160)
    model = shipped_model()
    side = InspectorSide(Inspector.load(model, engine="onnxruntime", threads=1))
    trial = rendered_trial(tmp_path, size, [side.inspector], silent)
    off: dict[str, list[float]] = {"0.05": [], "1.0": []}
    for _ in range(3):  # in turn, for the processor itself is slower at one time than at another
        predicted = predict(model, size, QUICK)
        paces = [[side.line(sort * 4) / len(sort * 4)] for sort in (trial.good, trial.defective)]
        for share, ratios in off.items():
            measured = 1 / composed(*paces, float(share))
            ratios.append(predicted.images_per_second[share] / measured)
    for ratios in off.values():
        assert median(ratios) == pytest.approx(1.0, rel=0.25)


def test_a_model_that_knows_no_rendered_part_is_predicted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flawscope.bench.predicting._SECONDS", 0.01)
    lines: list[tuple[bool, set[str]]] = []
    run = InspectorSide.one

    def one(side: InspectorSide, picture: Picture) -> Timing:
        timing = run(side, picture)
        lines.append((picture.defective, set(timing.stages)))
        return timing

    monkeypatch.setattr(InspectorSide, "one", one)
    blind = Policy(accept_below=1.0, reject_above=1.0, unnamed=KindPolicy(probability=1.0))
    kinds = dict.fromkeys(("red", "green"), KindPolicy(probability=1.0))
    policy = blind.model_copy(update={"kinds": kinds})
    found = predict(write_model(tmp_path / "blind.flaw", policy=policy), SMALL, QUICK)
    assert found.images_per_second["0.05"] > 0
    (good, seen), (defective, located) = lines
    assert not good
    assert defective
    assert "decoder" not in seen
    assert "decoder" in located


@pytest.mark.train
def test_the_founding_cascade_runs_only_the_stages_that_are_asked_for(tmp_path: Path) -> None:
    eager = pytest.importorskip("flawscope.train.eager")
    torch = pytest.importorskip("torch")
    path = tmp_path / "part.png"
    save_image(np.random.default_rng(0).integers(0, 255, (60, 64, 3), dtype=np.uint8), path)
    threads = torch.get_num_threads()
    try:
        founding = eager.EagerFounding.build(threads=1)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(threads)
    runs: list[str] = []
    for name, network in founding.networks.items():
        network.register_forward_hook(lambda *_, name=name: runs.append(name))
    good, defective = (founding.one(Picture(path, shown)) for shown in (False, True))
    assert runs == ["screen", "screen", "kinds", "locate-1"]
    assert good.stages.keys() == {"open", "fit", "screen"}
    assert defective.stages.keys() == {"open", "fit", "screen", "kinds", "locate-1"}
    assert sum(defective.stages.values()) <= defective.seconds
    runs.clear()
    assert founding.line([Picture(path, False), Picture(path, True)]) > 0
    assert sys.float_info.min / 2 > 0  # the processor's setting is as it was
    assert runs == ["screen", "screen", "kinds", "locate-1"]
