"""``flawscope evaluate`` and ``flawscope data``: splits found and told, figures as promised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_parts import GOOD, Cli, draw_part, strict_lines

from flawscope.data import read
from flawscope.images import save_image

ONLY = ("screen", "kinds", "locate", "verdicts", "kaggle_dice", "kaggle_dice_all_empty", "images")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Six parts, each shot good, with a red flaw and with a green one; masks beside the images."""
    root = tmp_path / "tiles"
    mask = np.zeros((80, 100), dtype=np.uint8)
    mask[20:40, 30:60] = 255
    for part in range(6):
        draw_part(root / f"good/{part}.jpg", GOOD, part)
        for kind, colour in {"red": (255, 0, 0), "green": (0, 255, 0)}.items():
            draw_part(root / kind / f"{part}.jpg", colour, part)
            save_image(mask, root / kind / f"{part}.png")
    return root


def estimates(tree: Any) -> list[dict[str, Any]]:
    """Every object of a document that looks like an estimate."""
    if not isinstance(tree, dict):
        return []
    if "value" in tree:
        return [tree]
    return [found for branch in tree.values() for found in estimates(branch)]


def test_one_strict_json_object_with_the_contracts_keys(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("evaluate", dataset, "--model", model, "--json") == 0
    said = capsys.readouterr()
    (document,) = strict_lines(said.out)
    assert set(ONLY) <= document.keys()
    assert document["images"] == 18
    assert document["screen"]["auroc"]["value"] == 1.0
    assert document["kinds"]["red"]["support"] == 6
    found = estimates(document)
    assert len(found) > 20
    assert all(one.keys() == {"value", "low", "high", "n"} for one in found)
    assert "every image is judged" in said.err


def test_people_get_a_table_and_a_page(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("evaluate", dataset, "--model", model, "--out", "page") == 0
    said = capsys.readouterr().out
    for heading in ("95 % interval", "images", "trivial answer", "escape rate", "red dice"):
        assert heading in said
    assert Path("page/index.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_the_split_that_lies_here_is_found_and_its_test_part_judged(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(dataset.rglob("*"))
    assert cli("data", "split", dataset, "--group-by", r"(\d)\.", "--json") == 0
    (document,) = strict_lines(capsys.readouterr().out)
    assert sorted(dataset.rglob("*")) == before, "nothing is written into the dataset"
    written = json.loads(Path("tiles.split.json").read_text(encoding="utf-8"))
    assert not written["parts"]["train"].keys() & written["parts"]["test"].keys()
    assert all(len(ids) == 3 for ids in written["parts"]["train"].values())

    assert cli("evaluate", dataset, "--model", model, "--json") == 0
    said = capsys.readouterr()
    (judged,) = strict_lines(said.out)
    assert judged["images"] == document["parts"]["test"]["images"] < 18
    assert judged["intervals"]["groups"] == judged["images"] / 3, "parts are resampled, not images"
    assert "split: tiles.split.json" in said.err
    assert "part: test" in said.err
    assert cli("evaluate", dataset, "--model", model, "--json", "--split", "train") == 0
    (judged,) = strict_lines(capsys.readouterr().out)
    assert judged["images"] == document["parts"]["train"]["images"]


def test_a_split_is_not_overwritten(
    cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("data", "split", dataset, "--group-by", r"(\d)\.")
    assert cli(*arguments) == 0
    first = Path("tiles.split.json").read_bytes()
    assert cli(*arguments, "--seed", "1") == 2
    assert "there is a split already" in capsys.readouterr().err
    assert Path("tiles.split.json").read_bytes() == first
    assert cli(*arguments, "--seed", "1", "--out", "other.json") == 0


def test_a_part_that_nobody_split_off_is_an_error(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("evaluate", dataset, "--model", model, "--split", "test") == 2
    assert "flawscope data split" in capsys.readouterr().err
    assert cli("evaluate", dataset, "--model", model, "--split-file", "absent.json") == 2
    assert "absent.json" in capsys.readouterr().err


def test_kinds_that_the_model_never_saw_ask_for_any_kind(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "green").rename(dataset / "verdigris")
    assert cli("evaluate", dataset, "--model", model) == 2
    assert "--any-kind" in capsys.readouterr().err
    assert cli("evaluate", dataset, "--model", model, "--any-kind", "--json") == 0
    (document,) = strict_lines(capsys.readouterr().out)
    assert document["locate"]["any_kind"]["iou"]["value"] > 0.9


def test_images_that_cannot_be_read_are_named_and_the_rest_judged(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = dataset / "good/3.jpg"
    cut.write_bytes(cut.read_bytes()[:-200])
    assert cli("evaluate", dataset, "--model", model, "--json") == 2
    said = capsys.readouterr()
    (document,) = strict_lines(said.out)
    assert document["images"] == 17
    assert "1 of 18 images could not be used" in said.err
    assert str(cut) in said.err


def test_a_folder_that_is_no_dataset_names_the_layouts(
    cli: Cli, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_part(tmp_path / "plain/1.png", GOOD)
    assert cli("evaluate", tmp_path / "plain", "--model", model) == 2
    assert "--layout" in capsys.readouterr().err
    assert cli("evaluate", tmp_path / "absent", "--model", model) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_converting_keeps_masks_and_shows_the_new_folder(
    cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("data", "convert", dataset, "--to", "coco", "--out", "tiles-coco") == 0
    assert capsys.readouterr().out.strip() == "tiles-coco"
    before, after = read(dataset), read(Path("tiles-coco"), "coco")
    assert [one.defects and one.defects[0].mask for one in after.samples] == [
        one.defects and one.defects[0].mask for one in before.samples
    ]
    assert cli("data", "convert", dataset, "--to", "coco", "--out", "tiles-coco") == 2
    assert cli("data", "convert", dataset, "--to", "papyrus", "--out", "elsewhere") == 2
    assert "papyrus" in capsys.readouterr().err
    assert not Path("elsewhere").exists()


def test_check_names_what_is_wrong_and_what_would_leak(
    cli: Cli, dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "good/0-again.jpg").write_bytes((dataset / "good/0.jpg").read_bytes())
    save_image(np.zeros((80, 100), dtype=np.uint8), dataset / "red/1.png")
    assert cli("data", "check", dataset) == 0, "what is found is the result, not a failure"
    said = capsys.readouterr().out
    assert "good/0-again.jpg" in said
    assert "red/1.png" in said
    assert cli("data", "check", dataset, "--json") == 0
    (document,) = strict_lines(capsys.readouterr().out)
    assert document["images"] == 19
    assert all(finding["message"] and finding["remedy"] for finding in document["findings"])
