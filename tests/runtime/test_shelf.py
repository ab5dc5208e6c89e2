"""Compiled graphs that the next process finds ready."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flawscope.errors import EngineError
from flawscope.runtime import Inspector, engines, on_openvino
from flawscope.runtime.shelf import Shelf
from toy_models import locator

RED = np.arange(3 * 64 * 64, dtype=np.uint8).reshape(1, 64, 64, 3)


def reds(shelf: Shelf | None, graph: bytes = b"", image: Any = RED) -> Any:
    run = engines.load_graph("openvino", graph or locator(0), 1, "red.onnx", shelf=shelf)
    return run({"image": image})["masks"].copy()


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Filled with the shape of each compilation."""
    made: list[object] = []
    compiled = on_openvino._Compiler._compiled

    def counting(self: Any, shape: Any) -> Any:
        made.append(shape)
        return compiled(self, shape)

    monkeypatch.setattr(on_openvino._Compiler, "_compiled", counting)
    return made


def test_a_graph_is_compiled_once_for_all_processes(
    tmp_path: Path, compilations: list[object]
) -> None:
    shelf = Shelf(tmp_path / "new" / "folder")
    first, second = reds(shelf), reds(shelf)
    assert len(compilations) == 1
    assert np.array_equal(first, second)
    assert np.array_equal(first, reds(None))


def test_what_another_shape_graph_or_setting_was_compiled_for_is_not_taken(
    tmp_path: Path, compilations: list[object]
) -> None:
    shelf = Shelf(tmp_path)
    reds(shelf)
    reds(shelf, image=RED[:, :32])
    greens = reds(shelf, locator(1))
    assert not np.array_equal(greens, reds(None))
    engines.load_graph("openvino", locator(0), 2, "red.onnx", shelf=shelf)({"image": RED})
    assert len(compilations) == 5  # one of them without a shelf


@pytest.mark.parametrize("damage", ["cut short", "emptied", "of another version"])
def test_a_damaged_file_is_replaced(
    tmp_path: Path, compilations: list[object], damage: str
) -> None:
    shelf = Shelf(tmp_path)
    expected = reds(shelf)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    if damage == "of another version":
        shelf.put(path.stem, b"something whole that OpenVINO does not know")
    else:
        path.write_bytes(whole[: 1000 if damage == "cut short" else 0])
    assert np.array_equal(reds(shelf), expected)
    assert len(compilations) == 2
    assert np.array_equal(reds(shelf), expected)
    assert len(compilations) == 2


def test_the_last_used_are_kept(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    for number in range(20):
        shelf.put(f"{number}", b"compiled")
        os.utime(tmp_path / f"{number}.compiled", (number, number))
        assert shelf.take("0") == b"compiled"  # which makes it the last used
    kept = {path.stem for path in tmp_path.iterdir()}
    assert len(kept) == 16
    assert {"0", "19", "18", "5"} <= kept
    assert shelf.holds("1")
    assert not shelf.holds("2-")


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    shelf = Shelf(tmp_path / "file")
    assert np.array_equal(reds(shelf), reds(None))
    assert shelf.take("any") is None
    assert not shelf.holds("any")


def test_a_graph_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="openvino cannot run red"):
        engines.load_graph("openvino", b"no graph", 1, "red.onnx", shelf=Shelf(tmp_path))


def test_an_inspector_takes_compiled_graphs_from_the_cache_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    compilations: list[object],
    shared_model: Path,
) -> None:
    monkeypatch.setenv("FLAWSCOPE_CACHE", str(tmp_path))
    image = np.full((64, 96, 3), 200, dtype=np.uint8)

    def inspected() -> Any:
        loaded = Inspector.load(shared_model, engine="openvino", precision="float32")
        return replace(loaded.inspect(image, id="part"), seconds={})

    first = inspected()
    made = len(compilations)
    assert made == len(list((tmp_path / "compiled").iterdir())) > 0
    assert inspected() == first
    assert len(compilations) == made
