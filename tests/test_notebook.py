"""The notebook runs from top to bottom, as in Colab, in minutes cut short."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("torch")
nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "first_steps.ipynb"


@pytest.mark.train
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's client
def test_the_notebook_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "committed with outputs"
    monkeypatch.setenv("FLAWSCOPE_NOTEBOOK_MINUTES", "0.3")
    monkeypatch.setenv("FLAWSCOPE_NOTEBOOK_PARTS", "30")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    real = "FLAWSCOPE_DATA" in os.environ
    if not real:
        monkeypatch.setenv("FLAWSCOPE_DATA", str(tmp_path))  # a folder without the sets
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute(env=os.environ.copy())
    said = "\n".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())
    )
    assert "30 parts of" in said
    assert "error:" not in said
    assert said.count("Traceback") == 0
    assert any(word in said for word in ("accept;", "review;", "reject;"))
    pictures = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 4 + 2 * real  # the defective parts in one row, three inspected
    assert ("no real photographs" in said) != real
