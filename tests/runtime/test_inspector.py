"""A model file and images in, inspections out."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import EngineError, FlawscopeError, ImageError, ModelFileError
from flawscope.images import save_image
from flawscope.masks import decode
from flawscope.runtime import Examination, Failure, Inspector, inspector
from flawscope.values import Box, Defect, Gate, InputFit, KindPolicy, Policy, Size, Verdict
from toy_models import FOUNDING, KINDS, decoder, encoder, shared_members, write_model

ENGINES = ("openvino", "onnxruntime")


def blank(height: int = 200, width: int = 300) -> np.ndarray:
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[..., 2] = 120
    return image


def scratched() -> np.ndarray:
    """A red scratch and a green spot, in different tiles of a toy model."""
    image = blank()
    image[60:66, 40:80, 0] = 230
    image[150:170, 100:104, 1] = 200
    return image


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_good_part_is_accepted(shared_model: Path, engine: str) -> None:
    found = Inspector.load(shared_model, engine=engine).examine(blank(), id="good")
    inspection = found.inspection
    assert inspection.verdict is Verdict.ACCEPT
    assert (inspection.score, inspection.defects, found.heat) == (0.0, (), None)
    assert inspection.kinds == {"red": 0.0, "green": 0.0}
    assert inspection.reasons == ("looks good (0 % likely defective)",)
    assert inspection.size == Size(200, 300)


@pytest.mark.parametrize("model", ["shared_model", "founding_model"])
def test_a_defective_part_is_rejected_with_kinds_and_places(
    request: pytest.FixtureRequest, model: str, engine: str
) -> None:
    inspector = Inspector.load(request.getfixturevalue(model), engine=engine)
    found = inspector.examine(scratched(), mm_per_pixel=0.35)
    inspection = found.inspection
    assert inspection.verdict is Verdict.REJECT
    assert inspection.score == pytest.approx(230 / 255, abs=1e-5)
    assert inspection.kinds == pytest.approx({"red": 230 / 255, "green": 200 / 255}, abs=1e-5)
    assert inspection.reasons == (
        "red, 14 \N{MULTIPLICATION SIGN} 2.1 mm in the top left corner, 90 %",
        "green, 7 \N{MULTIPLICATION SIGN} 1.4 mm at the bottom edge, 78 %",
    )
    assert [(defect.kind, defect.box) for defect in inspection.defects] == [
        ("red", Box(40, 60, 80, 66)),
        ("green", Box(100, 150, 104, 170)),
    ]
    masks = [decode(defect.mask) for defect in inspection.defects if defect.mask]
    assert np.array_equal(masks[0], scratched()[..., 0] > 0)
    assert np.array_equal(masks[1], scratched()[..., 1] > 0)
    assert found.heat is not None
    assert found.heat.dtype == np.float32
    expected = scratched()[..., :2].max(axis=2) / 255
    assert np.abs(found.heat - expected).max() < 1e-3
    assert inspection.model == inspector.digest
    assert inspector.engine == engine


def test_engines_agree_on_every_verdict_even_at_the_edges(tmp_path: Path) -> None:
    """The edges are scores themselves, where the last bit would decide."""
    policy = Policy(accept_below=round(100 / 255, 5), reject_above=round(200 / 255, 5))
    model = write_model(tmp_path / "edges.flaw", policy=policy)
    first, second = (Inspector.load(model, engine=name) for name in ENGINES)
    verdicts = Counter()
    for level in range(90, 211):
        image = blank(40, 40)
        image[5:9, 5:9, 0] = level
        ours, theirs = first.inspect(image), second.inspect(image)
        assert ours.verdict is theirs.verdict
        assert ours.score == theirs.score
        assert ours.defects == theirs.defects
        verdicts[ours.verdict] += 1
    assert verdicts == {Verdict.ACCEPT: 10, Verdict.REVIEW: 100, Verdict.REJECT: 11}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each graph was run."""
    counted: Counter[str] = Counter()
    load_graph = inspector.load_graph

    def counting(engine: str, graph: bytes, threads: int, name: str, **others: Any) -> Any:
        run = load_graph(engine, graph, threads, name, **others)

        def counted_run(tensors: Mapping[str, np.ndarray]) -> Any:
            counted[name] += 1
            return run(tensors)

        return counted_run

    monkeypatch.setattr(inspector, "load_graph", counting)
    return counted


def test_stages_not_asked_for_are_not_run(
    shared_model: Path, founding_model: Path, runs: Counter[str]
) -> None:
    shared = Inspector.load(shared_model, engine="onnxruntime")
    shared.inspect(blank(60, 60))
    assert runs == {"encoder.onnx": 1}
    shared.inspect(scratched()[100:160, 60:120])
    assert runs == {"encoder.onnx": 2, "decoder.onnx": 1}
    runs.clear()
    founding = Inspector.load(founding_model, engine="onnxruntime")
    good = founding.inspect(blank(60, 60))
    assert runs == {"screen.onnx": 1}
    assert good.kinds == {"red": 0.0, "green": 0.0}
    assert "kinds" not in good.seconds


def test_a_hard_gate_spares_the_stages_it_vetoes(tmp_path: Path, runs: Counter[str]) -> None:
    image = blank(60, 60)
    image[10:20, 10:20, 0] = 230
    for gate, wanted in ((Gate.HARD, 0), (Gate.SOFT, 1), (Gate.NONE, 1)):
        runs.clear()
        path = write_model(tmp_path / "m.flaw", stages=FOUNDING, policy=Policy(gate=gate))
        found = Inspector.load(path, engine="onnxruntime").inspect(image)
        assert runs["red.onnx"] == 1
        assert runs["green.onnx"] == wanted
        assert [defect.kind for defect in found.defects] == ["red"]


def test_only_tiles_that_are_asked_for_are_decoded(shared_model: Path, runs: Counter[str]) -> None:
    image = blank(200, 300)
    image[2:8, 2:8, 0] = 230
    Inspector.load(shared_model, engine="onnxruntime").inspect(image)
    assert runs["encoder.onnx"] == 4 * 6
    assert runs["decoder.onnx"] == 1


def test_one_graph_may_answer_everything_at_once(tmp_path: Path, runs: Counter[str]) -> None:
    """Kinds said in passing are reported for accepted parts too."""
    path = write_model(tmp_path / "m.flaw", policy=Policy(accept_below=0.4, reject_above=0.6))
    image = blank(60, 60)
    image[10:20, 10:20, 1] = 51
    inspection = Inspector.load(path, engine="onnxruntime").inspect(image)
    assert inspection.verdict is Verdict.ACCEPT
    assert inspection.kinds == {"red": 0.0, "green": 0.2}
    assert runs == {"encoder.onnx": 1}


def seam_points() -> list[tuple[int, int, int]]:
    """Places on the seams of a 6,000 x 4,000 picture in tiles of 768, and their colour."""
    from flawscope.fit import plan_fit

    tiles = plan_fit(Size(4000, 6000), InputFit()).tiles
    downs = sorted({tile.top for tile in tiles})[1:4]
    acrosses = sorted({tile.left for tile in tiles})[1:5]
    crossings = itertools.product(downs, acrosses)
    return [(down, across, number % 2) for number, (down, across) in enumerate(crossings)]


def test_defects_on_seams_are_those_of_the_crops(tmp_path: Path) -> None:
    """Each lies across the corner where four tiles meet, with soft edges, some in a long streak."""
    model = write_model(tmp_path / "big.flaw", fit=InputFit())
    inspector = Inspector.load(model, engine="onnxruntime")
    image = blank(4000, 6000)
    streak = np.clip(310 - 40 * np.abs(np.arange(-7, 8)), 0, 255).astype(np.uint8)
    for down, across, colour in seam_points():
        image[down - 7 : down + 8, across - 90 : across + 170, colour] = streak[:, None]
    whole = inspector.inspect(image)
    assert len(whole.defects) == len(seam_points())
    found = {(defect.kind, defect.box): defect for defect in whole.defects}
    for down, across, colour in seam_points():
        top, left = down - 100, across - 200
        crop = inspector.inspect(image[top : down + 100, left : across + 300])
        (defect,) = crop.defects
        box = Box(
            defect.box.left + left,
            defect.box.top + top,
            defect.box.right + left,
            defect.box.bottom + top,
        )
        twin = found[(KINDS[colour], box)]
        assert defect.mask is not None
        assert twin.mask is not None
        assert twin.mask.area == defect.mask.area
        assert twin.score == pytest.approx(defect.score, abs=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 5), (64, 64), (65, 64)])
def test_images_of_any_size(shared_model: Path, engine: str, size: tuple[int, int]) -> None:
    inspector = Inspector.load(shared_model, engine=engine)
    image = np.zeros((*size, 3), dtype=np.uint8)
    assert inspector.inspect(image).verdict is Verdict.ACCEPT
    image[..., 1] = 255
    found = inspector.examine(image)
    (defect,) = found.inspection.defects
    assert (defect.kind, defect.box) == ("green", Box(0, 0, size[1], size[0]))
    assert found.heat is not None
    assert found.heat.shape == size


def test_scaled_models_answer_in_pixels_of_the_image(tmp_path: Path) -> None:
    fit = InputFit(scale=0.5, tile=64, overlap=16, smallest=32)
    inspector = Inspector.load(write_model(tmp_path / "m.flaw", fit=fit), engine="onnxruntime")
    image = blank(202, 301)
    image[60:100, 100:180, 0] = 255
    found = inspector.examine(image)
    (defect,) = found.inspection.defects
    assert found.inspection.size == Size(202, 301)
    assert np.abs(np.array(defect.box) - (100, 60, 180, 100)).max() <= 1


def test_probabilities_are_asked_for_whatever_the_policy(
    tmp_path: Path, runs: Counter[str]
) -> None:
    never = Policy(accept_below=1.0, reject_above=1.0)
    model = write_model(tmp_path / "lenient.flaw", stages=FOUNDING, policy=never)
    lenient = Inspector.load(model, engine="onnxruntime")
    assert lenient.inspect(scratched()).kinds == {"red": 0.0, "green": 0.0}
    runs.clear()
    score, kinds = lenient.probabilities(scratched())
    assert score == pytest.approx(230 / 255, abs=1e-5)
    assert kinds == pytest.approx({"red": 230 / 255, "green": 200 / 255}, abs=1e-5)
    assert runs["red.onnx"] == runs["green.onnx"] == 0
    runs.clear()
    assert lenient.probabilities(scratched(), kinds=False)[0] == score
    assert runs["kinds.onnx"] == 0
    with pytest.raises(ImageError):
        lenient.probabilities(scratched().astype(np.float32))


def test_arrays_that_are_no_images_are_refused(shared_model: Path) -> None:
    inspector = Inspector.load(shared_model, engine="onnxruntime")
    for wrong in (
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 4, 3), np.float32),
    ):
        with pytest.raises(ImageError, match="RGB uint8"):
            inspector.inspect(wrong)
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ImageError, match="no scale"):
            inspector.inspect(blank(), mm_per_pixel=scale)


def test_unusual_memory_layouts(shared_model: Path, engine: str) -> None:
    inspector = Inspector.load(shared_model, engine=engine)
    expected = inspector.inspect(scratched())
    views = (np.asfortranarray(scratched()), scratched()[::-1][::-1], scratched()[..., ::-1])
    assert inspector.inspect(views[0]).defects == expected.defects
    assert inspector.inspect(views[1]).defects == expected.defects
    assert {defect.kind for defect in inspector.inspect(views[2]).defects} != {"red", "green"}


def test_one_inspector_serves_many_threads(shared_model: Path, engine: str) -> None:
    inspector = Inspector.load(shared_model, engine=engine)
    images = [scratched()[row:, column:] for row, column in itertools.product(range(4), range(4))]
    expected = [inspector.inspect(image).defects for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda image: inspector.inspect(image).defects, images))
    assert found == expected


def write_batch(folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for number in range(8):
        save_image(blank(40, 40 + number), folder / f"{number}.png")
    (folder / "2.png").write_bytes(b"")
    (folder / "5.png").write_text("text", encoding="ascii")
    return sorted(folder.iterdir())


def test_a_batch_goes_on_past_broken_files(shared_model: Path, tmp_path: Path) -> None:
    paths = write_batch(tmp_path / "parts")
    inspector = Inspector.load(shared_model, engine="onnxruntime")
    results = list(inspector.inspect_many(paths, root=tmp_path))
    failures = [result for result in results if isinstance(result, Failure)]
    assert [failure.path.name for failure in failures] == ["2.png", "5.png"]
    assert all(isinstance(failure.error, FlawscopeError) for failure in failures)
    examined = [result.inspection for result in results if isinstance(result, Examination)]
    assert [one.id for one in examined] == [f"parts/{number}.png" for number in (0, 1, 3, 4, 6, 7)]
    assert [one.size.width for one in examined] == [40, 41, 43, 44, 46, 47]
    assert all(one.seconds["open"] > 0 for one in examined)


def test_a_batch_reads_only_a_little_ahead_and_stops_when_left(
    shared_model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "part.png"
    save_image(blank(40, 40), path)
    taken = itertools.count()
    endless = (path for _ in taken)
    results = Inspector.load(shared_model, engine="onnxruntime").inspect_many(endless)
    for _ in range(10):
        assert isinstance(next(results), Examination)
    assert next(taken) <= 10 + 5
    results.close()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("flawscope-open")]


def test_a_path_names_its_inspection(shared_model: Path, tmp_path: Path) -> None:
    save_image(scratched(), tmp_path / "part.png")
    inspector = Inspector.load(shared_model, engine="onnxruntime")
    from_file = inspector.inspect(tmp_path / "part.png")
    assert from_file.id == (tmp_path / "part.png").as_posix()
    assert inspector.inspect(str(tmp_path / "part.png"), id="7").id == "7"
    assert from_file.defects == inspector.inspect(scratched()).defects
    with pytest.raises(ImageError):
        inspector.inspect(tmp_path / "none.png")


def test_policies_set_areas_and_probabilities(tmp_path: Path) -> None:
    rules = {"red": KindPolicy(smallest_area=241), "green": KindPolicy(mask_probability=0.9)}
    strict = write_model(tmp_path / "m.flaw", policy=Policy(kinds=rules))
    found = Inspector.load(strict, engine="onnxruntime").inspect(scratched())
    assert {defect.kind for defect in found.defects} == {"defect"}
    assert len(found.defects) == 2


def test_a_probability_over_one_by_rounding_is_one(tmp_path: Path, engine: str) -> None:
    over = {**shared_members(), "decoder.onnx": decoder(gain=1.0 + 2e-7)}
    path = write_model(tmp_path / "m.flaw", members=over)
    white = np.full((64, 64, 3), 255, dtype=np.uint8)
    heat = Inspector.load(path, engine=engine).examine(white).heat
    assert heat is not None
    assert heat.max() == 1.0


def test_graphs_that_give_something_else_are_refused(tmp_path: Path, engine: str) -> None:
    poorer = {**shared_members(), "encoder.onnx": encoder(["screen", "kinds"])}
    path = write_model(tmp_path / "m.flaw", members=poorer)
    with pytest.raises(EngineError, match="'features'"):
        Inspector.load(path, engine=engine).inspect(scratched())
    brighter = {**shared_members(), "decoder.onnx": decoder(gain=2.0)}
    path = write_model(tmp_path / "m.flaw", members=brighter)
    with pytest.raises(EngineError, match="no probabilities"):
        Inspector.load(path, engine=engine).inspect(scratched())


def test_loading_says_what_is_wrong(shared_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        Inspector.load(tmp_path / "none.flaw")
    with pytest.raises(EngineError, match="openvino, onnxruntime"):
        Inspector.load(shared_model, engine="tensorrt")
    with pytest.raises(EngineError, match="1 or more"):
        Inspector.load(shared_model, threads=0)


def test_inspections_are_json(shared_model: Path) -> None:
    from flawscope.runtime import record

    found = Inspector.load(shared_model, engine="onnxruntime").inspect(scratched(), id="a/b.png")
    line = json.loads(json.dumps(record(found, mm_per_pixel=0.5)))
    assert line["id"] == "a/b.png"
    assert line["verdict"] == "reject"
    assert line["size"] == [200, 300]
    red = line["defects"][0]
    assert red["box"] == [40, 60, 80, 66]
    assert (red["area_px"], red["length_px"], red["width_px"]) == (240, 40.0, 6.0)
    assert (red["area_mm2"], red["length_mm"], red["width_mm"]) == (60.0, 20.0, 3.0)
    assert sorted(map(tuple, red["outlines"][0])) == [(40, 60), (40, 66), (80, 60), (80, 66)]
    assert sum(red["mask"]["counts"]) == 200 * 300
    assert sum(red["mask"]["counts"][1::2]) == 240
    in_pixels = record(found)["defects"][0]
    assert "length_mm" not in in_pixels


def test_defects_are_sorted_by_score(shared_model: Path) -> None:
    found = Inspector.load(shared_model, engine="onnxruntime").inspect(scratched()[:, :, [1, 0, 2]])
    scores = [defect.score for defect in found.defects]
    assert scores == sorted(scores, reverse=True)
    assert all(isinstance(defect, Defect) for defect in found.defects)
