"""``flawscope evaluate``: splits found and told, figures as promised."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cli_parts import GOOD, Cli, draw_part, strict_lines

from flawscope.bundle import Bundle, pack
from flawscope.data import apply_split, digest_of_test, fingerprint, read, read_split

ONLY = ("screen", "kinds", "locate", "verdicts", "kaggle_dice", "kaggle_dice_all_empty", "images")


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


def test_a_part_that_nobody_split_off_is_an_error(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("evaluate", dataset, "--model", model, "--split", "test") == 2
    assert "flawscope data split" in capsys.readouterr().err
    assert cli("evaluate", dataset, "--model", model, "--split-file", "absent.json") == 2
    assert "absent.json" in capsys.readouterr().err


def test_where_no_image_can_be_used_each_is_named_with_its_reason(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for image in dataset.rglob("*.jpg"):
        whole = image.read_bytes()
        image.write_bytes(whole[: len(whole) * 3 // 4])
    assert cli("evaluate", dataset, "--model", model) == 2
    said = capsys.readouterr().err
    assert "18 of 18 images could not be used:" in said
    assert said.count("damaged or truncated") == 18


def test_the_split_of_the_models_own_run_is_found(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path("run")
    (run / "splits").mkdir(parents=True)
    kept = run / "splits" / f"{dataset.name}.json"
    assert cli("data", "split", dataset, "--out", kept) == 0
    shutil.copy(model, run / "inspector.flaw")
    capsys.readouterr()
    assert cli("evaluate", dataset, "--model", run / "inspector.flaw", "--json") == 0
    said = capsys.readouterr()
    assert strict_lines(said.out)[0]["images"] < 18
    assert f"split: {kept}" in said.err
    (dataset / "good" / "0.jpg").rename(dataset / "good" / "new.jpg")
    assert cli("evaluate", dataset, "--model", run / "inspector.flaw", "--json") == 0
    said = capsys.readouterr()
    assert strict_lines(said.out)[0]["images"] == 18
    assert f"{kept} is passed by" in said.err


def test_a_model_judged_on_what_it_was_trained_on_is_told(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli("data", "split", dataset, "--out", "kept.json", "--group-by", r"(\d)\.") == 0
    assert cli("data", "split", dataset, "--out", "other.json", "--seed", 5) == 0
    split = apply_split(read(dataset), read_split(Path("kept.json")))
    bundle = Bundle.open(model)
    seen = {**fingerprint(split), "test_sha256": digest_of_test(split)}
    manifest = bundle.manifest.model_copy(update={"dataset": {"fingerprints": {"x": seen}}})
    members = {name: bundle.read(name) for name in manifest.files}
    trained = pack(manifest, members, Path("trained.flaw"))

    def warned(*words: object) -> bool:
        capsys.readouterr()
        assert cli("evaluate", dataset, *words, "--json") == 0
        return "the model was trained on images of this dataset" in capsys.readouterr().err

    assert warned("--model", trained)
    assert warned("--model", trained, "--split-file", "other.json")
    assert not warned("--model", trained, "--split-file", "kept.json")
    assert not warned("--model", model)


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


def test_a_set_in_kaggles_form_has_the_competitions_figure_beside_finding_nothing(
    cli: Cli, tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: red found to the pixel, green missed as it is too faint, and two clean pairs."""
    root = tmp_path / "strips"
    draw_part(root / "train_images/a.png", (255, 0, 0))
    draw_part(root / "train_images/b.png", (0, 100, 0), seed=1)
    draw_part(root / "train_images/c.png", GOOD, seed=2)
    patch = " ".join(f"{80 * column + 21} 20" for column in range(30, 60))
    rows = ["ImageId,ClassId,EncodedPixels", f"a.png,1,{patch}", f"b.png,2,{patch}"]
    (root / "train.csv").write_text("\n".join(rows))
    (root / "classes.txt").write_text("red\ngreen\n")
    assert cli("evaluate", root, "--model", model, "--json") == 0
    (document,) = strict_lines(capsys.readouterr().out)
    assert document["kaggle_dice"]["value"] == pytest.approx(5 / 6)
    assert document["kaggle_dice_all_empty"]["value"] == pytest.approx(4 / 6)
    assert cli("evaluate", root, "--model", model) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "kaggle dice" in line]
    assert "0.833" in line
    assert line.split()[-1] == "0.667"


def test_what_could_not_be_read_is_told_by_the_exit_code(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "red" / "0.jpg").write_bytes(b"")
    assert cli("evaluate", dataset, "--model", model, "--json") == 2
    said = capsys.readouterr()
    (document,) = strict_lines(said.out)
    assert document["images"] == 17
    assert "red/0.jpg" in said.err
    assert cli("data", "convert", dataset, "--to", "coco", "--out", "coco") == 2
    assert Path("coco").is_dir()


def test_copies_across_a_datasets_own_split_are_told(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "test"):
        shutil.copytree(dataset / "red", Path("own", part, "red"))
        shutil.copytree(dataset / "good", Path("own", part, "good"))
    for mask in Path("own").rglob("*.png"):
        mask.unlink()
    assert cli("evaluate", "own", "--model", model, "--json") == 0
    assert "near copies in different parts of the dataset's own split" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_told_before_the_work(
    cli: Cli, dataset: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("keep.txt").write_text("mine")
    assert cli("evaluate", dataset, "--model", model, "--out", "keep.txt", "--json") == 2
    said = capsys.readouterr().err
    assert "keep.txt: File exists" in said
    assert "part:" not in said
