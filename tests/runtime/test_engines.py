"""Two engines behind one function type."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import EngineError
from flawscope.runtime import (
    ENGINES,
    Inspector,
    choices,
    engines,
    installed_engines,
    on_openvino,
)
from toy_models import decoder, encoder, locator


@pytest.mark.parametrize("engine", ENGINES)
def test_any_shape_often_or_once(engine: str) -> None:
    """Shapes that keep coming get graphs of their own; answers do not depend on that."""
    run = engines.load_graph(engine, locator(0), 1, "red.onnx")
    dice = np.random.default_rng(5)
    sides = [32, 64, 96, 32, 32, 160, 32, 32, 32, 64, 64, 64, 64, 64, 128, 32, *[96] * 6]
    for side in [*sides, *[192] * 6, *[224] * 6, *[256] * 6, 32, 96]:
        image = dice.integers(0, 256, (1, side, 32, 3), dtype=np.uint8)
        masks = run({"image": image})["masks"]
        assert masks.shape == (1, 1, side, 32)
        assert np.allclose(masks[0, 0], image[0, ..., 0] / 255, atol=1e-6)


def test_the_first_shape_is_compiled_for_at_once_and_others_if_they_keep_coming() -> None:
    compiler, compiled = on_openvino._Compiler(locator(0), {}, None), []

    def compile_model(shape: on_openvino.Shape | None) -> Any:
        model = compiler(shape)
        compiled.append(str(model.inputs[0].partial_shape))
        return model

    by_shape = on_openvino._ByShape(compile_model)

    def run(side: int) -> None:
        by_shape.compiled_for({"image": np.zeros((1, side, 32, 3), dtype=np.uint8)})

    for _ in range(5):
        run(32)
    assert compiled == ["[1,32,32,3]"]
    run(64)
    run(96)
    assert compiled == ["[1,32,32,3]", "[?,?,?,3]"]
    for _ in range(5):
        run(64)
    assert compiled[2:] == ["[1,64,32,3]"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("streams", [1, 3])
def test_threads_have_tensors_of_their_own(engine: str, streams: int) -> None:
    """What one is given stays as it is while others compute."""
    run = engines.load_graph(engine, locator(0), 3, "red.onnx", streams=streams)

    def keeps(value: int) -> bool:
        image = np.full((1, 64, 64, 3), value, dtype=np.uint8)
        for _ in range(10):
            masks = run({"image": image})["masks"]
            time.sleep(0.001)
            if not np.allclose(masks, value / 255, atol=1e-6):
                return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(keeps, range(0, 240, 20)))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_threads_last_two_answers_stay_as_they_are(engine: str) -> None:
    run = engines.load_graph(engine, locator(0), 1, "red.onnx")
    images = [np.full((1, 32, 32, 3), value, dtype=np.uint8) for value in range(0, 250, 25)]
    given = [run({"image": images[0]})["masks"]]
    for before, image in enumerate(images[1:]):
        given.append(run({"image": image})["masks"])
        for answer, shown in zip(given[-2:], images[before:], strict=False):
            assert np.allclose(answer, shown[0, 0, 0, 0] / 255, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_tensors_pass_from_graph_to_graph(engine: str) -> None:
    encode = engines.load_graph(engine, encoder(), 1, "encoder.onnx")
    decode = engines.load_graph(engine, decoder(), 1, "decoder.onnx")
    for value in (10, 200):
        given = encode({"image": np.full((1, 32, 64, 3), value, dtype=np.uint8)})
        assert given.keys() == {"screen", "kinds", "features"}
        masks = decode({"features": given["features"]})["masks"]
        assert masks.shape == (1, 3, 32, 64)
        assert np.allclose(masks, value / 255, atol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_engine_refuses_is_an_engine_error(engine: str) -> None:
    with pytest.raises(EngineError, match=rf"{engine} cannot run broken\.onnx"):
        engines.load_graph(engine, b"no graph", 1, "broken.onnx")
    run = engines.load_graph(engine, locator(0), 1, "red.onnx")
    with pytest.raises(EngineError, match=r"red\.onnx"):
        run({"image": np.zeros((1, 32, 32, 4), dtype=np.uint8)})


def test_a_missing_engine_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, shared_model: Path
) -> None:
    monkeypatch.setattr(engines, "installed_engines", lambda: ("onnxruntime",))
    monkeypatch.setattr(choices, "installed_engines", lambda: ("onnxruntime",))
    assert Inspector.load(shared_model, threads=7).engine == "onnxruntime"
    with pytest.raises(EngineError, match="pip install openvino"):
        Inspector.load(shared_model, engine="openvino")
    monkeypatch.setattr(choices, "installed_engines", lambda: ())
    with pytest.raises(EngineError, match="pip install openvino"):
        Inspector.load(shared_model, threads=8)


def test_a_real_measurement_chooses_an_installed_engine(shared_model: Path) -> None:
    inspector = Inspector.load(shared_model, threads=1)
    assert inspector.engine in installed_engines()
    assert inspector.threads == 1


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_importing_is_quick_because_engines_wait_until_they_are_used() -> None:
    code = """
import sys
import flawscope
early = {'numpy', 'cv2', 'pydantic'} & set(sys.modules)
flawscope.Inspector, flawscope.open_image
print(early, {'openvino', 'onnxruntime', 'torch'} & set(sys.modules))
"""
    assert in_a_fresh_process(code) == "set() set()"


def test_everything_public_is_there() -> None:
    code = """
import flawscope
assert flawscope.__all__ == sorted(flawscope.__all__)
print([name for name in dir(flawscope) if getattr(flawscope, name) is None])
try:
    flawscope.nonsense
except AttributeError as error:
    print(error)
"""
    expected = "[]\nmodule 'flawscope' has no attribute 'nonsense'"
    assert in_a_fresh_process(code) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_sent_anywhere(shared_model: Path, engine: str) -> None:
    """Importing OpenVINO by itself would report the import to its makers."""
    code = f"""
import sys
touched = []
sys.addaudithook(lambda event, _: touched.append(event) if event.startswith('socket.') else None)
import numpy
from flawscope import Inspector
inspector = Inspector.load({str(shared_model)!r}, engine={engine!r})
inspector.inspect(numpy.zeros((32, 32, 3), numpy.uint8))
print(touched, [name for name in sys.modules if name.startswith('openvino_telemetry')])
"""
    assert in_a_fresh_process(code) == "[] []"


def test_openvino_is_whole_for_others_in_the_process(shared_model: Path) -> None:
    """What it imports in passing is left out, and there for who asks for it."""
    code = f"""
import sys
from flawscope import Inspector
Inspector.load({str(shared_model)!r}, engine='openvino')
import openvino
print('openvino.tools.ovc' in sys.modules, callable(openvino.convert_model))
from openvino.tools.ovc import convert_model
print(convert_model.__name__)
"""
    assert in_a_fresh_process(code) == "False True\nconvert_model"


def test_far_more_threads_than_cores_are_refused(shared_model: Path) -> None:
    with pytest.raises(EngineError, match="10000 threads are more than this machine can run"):
        Inspector.load(shared_model, threads=10_000)
