"""What cannot be used is named with its file, the rest goes on, and nothing turns clean by it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import small_datasets as small
from PIL import Image

from flawscope.data import read
from flawscope.errors import DatasetError
from flawscope.values import Box, Dataset, Label, Sample

UNKNOWN = (Label.UNKNOWN, None, True)
GOOD = (Label.GOOD, (), False)


def by_stem(dataset: Dataset) -> dict[str, Sample]:
    return {PurePosixPath(sample.id).stem: sample for sample in dataset.samples}


def state(sample: Sample) -> tuple[Label, tuple[str, ...] | None, bool]:
    """Label, kinds, and whether nobody knows where."""
    return sample.label, sample.kinds, sample.defects is None


def problem(dataset: Dataset, where: str) -> str:
    """What is wrong with a file, after the code of it."""
    found = [f"{one.code}: {one.what}" for one in dataset.problems if one.where == where]
    assert len(found) == 1, dataset.problems
    return found[0]


@pytest.mark.parametrize("name", small.LAYOUTS)
def test_an_unreadable_image_is_left_out(tmp_path: Path, name: str) -> None:
    expected = small.LAYOUTS[name][1](tmp_path)
    images = [path for path in sorted(tmp_path.rglob("clean.*")) if "masks" not in path.parts]
    image = next(path for path in images if path.suffix in (".jpg", ".jpeg", ".png"))
    image.write_bytes(b"not an image")
    dataset = read(tmp_path)
    assert by_stem(dataset).keys() == expected.keys() - {"clean"}
    assert "unreadable-file: not an image" in problem(
        dataset, image.relative_to(tmp_path).as_posix()
    )


def test_masks_of_another_size_empty_or_missing_leave_the_place_unknown(tmp_path: Path) -> None:
    folder = tmp_path / "MT_Crack" / "Imgs"
    for stem in ("misfit", "empty", "alone", "broken", "sound"):
        small.photograph(folder / f"{stem}.jpg")
    small.mask_file(folder / "misfit.png", np.ones((10, 20), dtype=bool))
    small.mask_file(folder / "empty.png", np.zeros((small.HEIGHT, small.WIDTH), dtype=bool))
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    small.mask_file(folder / "sound.png", small.scratch())
    small.photograph(tmp_path / "MT_Free" / "Imgs" / "good.jpg")
    small.mask_file(tmp_path / "MT_Free" / "Imgs" / "good.png", small.scratch())
    dataset = read(tmp_path)
    samples = by_stem(dataset)
    for stem in ("misfit", "empty", "alone", "broken"):
        assert state(samples[stem]) == (Label.DEFECTIVE, ("Crack",), True)
    assert state(samples["sound"]) == (Label.DEFECTIVE, ("Crack",), False)
    assert state(samples["good"]) == UNKNOWN
    for name, told in {
        "Crack/Imgs/misfit.png": "size-mismatch: the mask is 20 x 10",
        "Crack/Imgs/empty.png": "empty-mask: the mask is empty",
        "Crack/Imgs/alone.jpg": "missing-mask: no mask",
        "Crack/Imgs/broken.png": "unreadable-file: ",
        "Free/Imgs/good.png": "contradictory-label: marks 160 pixels",
    }.items():
        assert problem(dataset, f"MT_{name}").startswith(told)


def test_good_parts_in_a_folder_of_their_own_need_no_masks(tmp_path: Path) -> None:
    for seed in range(12):
        small.photograph(tmp_path / "good" / f"{seed}.jpg", seed=seed)
    for seed in range(3):
        small.photograph(tmp_path / "crack" / f"{seed}.jpg", seed=20 + seed)
        small.mask_file(tmp_path / "crack" / f"{seed}.png", small.scratch())
    dataset = read(tmp_path)
    assert dataset.layout == "image-mask-pairs"
    states = [state(sample) for sample in dataset.samples]
    assert states.count(GOOD) == 12
    assert states.count((Label.DEFECTIVE, ("crack",), False)) == 3
    assert len(states) == 15


def test_what_could_be_masks_or_photographs_is_an_error_that_names_both(tmp_path: Path) -> None:
    for seed in range(5):
        small.photograph(tmp_path / "crack" / f"{seed}.jpg", seed=seed)
    small.mask_file(tmp_path / "crack" / "0.png", small.scratch())
    with pytest.raises(DatasetError, match=r"folder-per-label .*image-mask-pairs .*"):
        read(tmp_path)
    assert len(read(tmp_path, "folder-per-label").samples) == 6


def test_one_name_shared_by_chance_makes_no_masks(tmp_path: Path) -> None:
    for seed in range(20):
        small.photograph(tmp_path / ("good" if seed % 2 else "labels") / f"{seed}.jpg", seed=seed)
    small.photograph(tmp_path / "good" / "3.png", seed=30)
    dataset = read(tmp_path)
    assert dataset.layout == "folder-per-label"
    assert len(dataset.samples) == 21
    assert dataset.kinds == ("labels",), "a folder's name that means masks beside images alone"
    assert problem(dataset, "good/3.png").endswith("is taken for a photograph")


def test_parts_of_a_split_may_have_a_year(tmp_path: Path) -> None:
    for part in ("train2017", "val2017"):
        for label in ("good", "scratch"):
            small.photograph(tmp_path / part / label / "1.jpg")
    dataset = read(tmp_path)
    assert dataset.kinds == ("scratch",)
    assert [one.split for one in dataset.samples] == ["train", "train", "validation", "validation"]


@pytest.mark.parametrize("trees", [True, False])
def test_without_a_folder_that_says_anything_the_masks_alone_speak(
    tmp_path: Path, *, trees: bool
) -> None:
    images, masks = (tmp_path / "images", tmp_path / "masks") if trees else (tmp_path, tmp_path)
    for seed, stem in enumerate(("cracked", "clean", "unseen", "broken")):
        small.photograph(images / f"{stem}.jpg", seed=seed)
    small.mask_file(masks / "cracked.png", small.scratch())
    small.mask_file(masks / "clean.png", np.zeros((small.HEIGHT, small.WIDTH), dtype=bool))
    (masks / "broken.png").write_bytes(b"no image")
    dataset = read(tmp_path)
    samples = by_stem(dataset)
    assert state(samples["cracked"]) == (Label.DEFECTIVE, ("defect",), False)
    assert state(samples["clean"]) == GOOD
    assert state(samples["unseen"]) == state(samples["broken"]) == UNKNOWN
    assert [one.code for one in dataset.problems] == ["unreadable-file"]


@pytest.mark.parametrize("folder", ["masks", "annotations", "labels", "GroundTruth"])
def test_masks_are_no_photographs_whatever_their_folder_is_called(
    tmp_path: Path, folder: str
) -> None:
    small.photograph(tmp_path / "images" / "a.jpg")
    small.mask_file(tmp_path / folder / "a.png", small.scratch())
    dataset = read(tmp_path)
    assert [state(one) for one in dataset.samples] == [(Label.DEFECTIVE, ("defect",), False)]


@pytest.mark.parametrize("by_kind", [True, False])
def test_a_mask_of_ones_is_not_called_empty(tmp_path: Path, *, by_kind: bool) -> None:
    small.photograph(tmp_path / "images" / "crack" / "a.jpg")
    mask = tmp_path / "masks" / "crack" / ("crack/a.png" if by_kind else "a.png")
    mask.parent.mkdir(parents=True)
    Image.fromarray(small.scratch().astype(np.uint8)).save(mask)
    dataset = read(tmp_path)
    (sample,) = dataset.samples
    assert state(sample) == (UNKNOWN if by_kind else (Label.DEFECTIVE, ("crack",), True))
    (found,) = dataset.problems
    assert (found.where, found.code) == (mask.relative_to(tmp_path).as_posix(), "unusable-label")
    assert found.what == "no value of the mask is over 1; inside is from 128 on"


def test_masks_without_images_are_named(tmp_path: Path) -> None:
    for write, mask in (
        (small.image_mask_trees, "masks/pit/gone.png"),
        (small.mvtec, "ground_truth/pit/gone_mask.png"),
    ):
        root = tmp_path / write.__name__
        write(root)
        small.mask_file(root / mask, small.pits())
        assert "missing-file: no image" in problem(read(root), mask)


def labelme_file(root: Path, shapes: list, **other: object) -> None:
    small.photograph(root / "a.jpg")
    small.write_json(root / "a.json", {"shapes": shapes, "imagePath": "a.jpg", **other})


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        ({"points": []}, "no usable points"),
        ({"points": [[float("nan"), 1], [2, 2], [3, 1]]}, "no usable points"),
        ({"points": [[900, 900], [910, 900], [910, 910]]}, "outside"),
        ({"points": [[5, 5], [5, 20]], "shape_type": "rectangle"}, "no extent"),
        ({"points": [[5, 5], [9, 9]], "shape_type": "mask", "mask": "&&"}, "cannot be read"),
        ({"points": [[5, 5], [9, 9]], "shape_type": "mask"}, "cannot be read"),
    ],
)
def test_a_lost_label_never_makes_its_image_clean(tmp_path: Path, shape: dict, what: str) -> None:
    labelme_file(tmp_path, [{"label": "pit", **shape}])
    dataset = read(tmp_path)
    assert state(dataset.samples[0]) == (Label.DEFECTIVE, ("pit",), True)
    assert what in problem(dataset, "a.json")


def test_a_lost_label_leaves_the_places_of_the_others_unsaid(tmp_path: Path) -> None:
    sound = {"label": "crack", "points": [[2, 2], [9, 2], [9, 9]]}
    labelme_file(tmp_path, [sound, {"label": "pit", "points": []}])
    assert state(read(tmp_path).samples[0]) == (Label.DEFECTIVE, ("crack", "pit"), True)


@pytest.mark.parametrize("name", ["", "  ", "\n", "\0"])
def test_a_label_without_a_name_is_a_defect_of_no_kind(tmp_path: Path, name: str) -> None:
    labelme_file(tmp_path, [{"label": name, "points": [[2, 2], [30, 2], [30, 30]]}])
    dataset = read(tmp_path)
    assert dataset.kinds == ()
    assert [defect.kind for defect in dataset.samples[0].defects or ()] == ["defect"]


def test_a_kind_is_named_on_one_line(tmp_path: Path) -> None:
    labelme_file(tmp_path, [{"label": " deep\n\0crack ", "points": [[2, 2], [30, 2], [30, 30]]}])
    assert read(tmp_path).kinds == ("deep crack",)


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
def test_a_name_that_is_not_unicode_is_left_out_and_named(tmp_path: Path) -> None:
    small.folder_per_label(tmp_path)
    known = {sample.id for sample in read(tmp_path).samples}
    folder = (tmp_path / min(known)).parent
    small.photograph(folder / os.fsdecode(b"bad\xff.png"))
    dataset = read(tmp_path)
    assert {sample.id for sample in dataset.samples} == known
    (found,) = dataset.problems
    assert found.where.endswith("bad\\udcff.png")
    assert "not Unicode" in found.what


def test_a_polygon_thinner_than_a_pixel_keeps_its_box(tmp_path: Path) -> None:
    labelme_file(tmp_path, [{"label": "crack", "points": [[2, 3.6], [30, 3.6], [30, 3.9]]}])
    dataset = read(tmp_path)
    (defect,) = dataset.samples[0].defects or ()
    assert (defect.box, defect.mask) == (Box(2, 3, 30, 4), None)
    assert "covers no pixel" in problem(dataset, "a.json")


def test_labels_for_another_size_are_not_laid_over_the_image(tmp_path: Path) -> None:
    shape = {"label": "pit", "points": [[2, 2], [9, 2], [9, 9]]}
    labelme_file(tmp_path, [shape], imageHeight=400, imageWidth=600)
    dataset = read(tmp_path)
    assert state(dataset.samples[0]) == (Label.DEFECTIVE, ("pit",), True)
    assert problem(dataset, "a.json").startswith("size-mismatch: shape 1: is for 600 x 400")


BROKEN_JSON = {
    "cut": b'{"shapes": [',
    "latin": '{"shapes": [], "imagePath": "é.jpg"}'.encode("latin-1"),
    "deep": b"[" * 200_000,
    "list": b"[1, 2]",
    "keys": b'{"shapes": 3, "imagePath": "x.jpg"}',
}


@pytest.mark.parametrize("name", BROKEN_JSON)
def test_a_broken_labelme_file_leaves_its_image_unseen(tmp_path: Path, name: str) -> None:
    small.labelme(tmp_path)
    (tmp_path / "one.json").write_bytes(BROKEN_JSON[name])
    dataset = read(tmp_path)
    assert state(by_stem(dataset)["one"]) == UNKNOWN
    expected = "unusable-label" if name in ("list", "keys") else "unreadable-file"
    assert problem(dataset, "one.json").startswith(expected)
    assert len(dataset.samples) == 4


@pytest.mark.parametrize(
    "named", ["a.jpg", "..\\photos\\a.jpg", "C:\\Users\\Ann\\Desktop\\a.jpg", "./a.jpg", "old.jpg"]
)
def test_image_names_of_other_machines_are_found(tmp_path: Path, named: str) -> None:
    small.photograph(tmp_path / "photos" / "a.jpg")
    small.photograph(tmp_path / "elsewhere" / "a.jpg")
    small.write_json(tmp_path / "photos" / "a.json", {"shapes": [], "imagePath": named})
    dataset = read(tmp_path)
    assert {sample.id: sample.label for sample in dataset.samples} == {
        "photos/a.jpg": Label.GOOD,
        "elsewhere/a.jpg": Label.UNKNOWN,
    }


def test_names_match_however_unicode_is_composed(tmp_path: Path) -> None:
    small.photograph(tmp_path / "Blo\u0308cke" / "Riß 1.jpg")
    small.write_json(
        tmp_path / "labels.json",
        {"images": [{"id": 1, "file_name": "Bl\u00f6cke/Riß 1.jpg"}], "annotations": []},
    )
    (sample,) = read(tmp_path).samples
    assert sample.label == Label.GOOD
    assert sample.image.is_file()


def test_a_name_that_could_be_two_images_is_not_guessed(tmp_path: Path) -> None:
    small.photograph(tmp_path / "x" / "a.jpg")
    small.photograph(tmp_path / "y" / "a.jpg")
    content = {"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": []}
    small.write_json(tmp_path / "labels.json", content)
    dataset = read(tmp_path)
    told = problem(dataset, "labels.json")
    assert told.startswith("contradictory-label: ")
    assert "x/a.jpg or y/a.jpg" in told
    assert all(state(sample) == UNKNOWN for sample in dataset.samples)


def coco_file(root: Path, annotation: dict) -> None:
    small.photograph(root / "a.jpg")
    content = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "gone.jpg"}],
        "categories": [{"id": 1, "name": "pit"}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, **annotation}],
    }
    small.write_json(root / "labels.json", content)


SIZE = [small.HEIGHT, small.WIDTH]


@pytest.mark.parametrize(
    ("annotation", "kinds"),
    [
        ({}, ("pit",)),
        ({"bbox": [1, 1, 0, 5]}, ("pit",)),
        ({"bbox": [1, 1, "wide", 5]}, ("pit",)),
        ({"segmentation": [[1, 1, 5]]}, ("pit",)),
        ({"segmentation": {"size": [9, 9], "counts": [81]}}, ("pit",)),
        ({"segmentation": {"size": SIZE, "counts": [81]}}, ("pit",)),
        ({"segmentation": {"size": SIZE, "counts": [2400]}}, ("pit",)),
        ({"segmentation": {"size": SIZE, "counts": [-1, 2401]}}, ("pit",)),
        ({"segmentation": {"size": SIZE, "counts": "~~~"}}, ("pit",)),
        ({"category_id": 9, "bbox": [1, 1, 5, 5]}, None),
        ({"category_id": None, "bbox": [1, 1, 5, 5]}, None),
    ],
)
def test_bad_coco_annotations(tmp_path: Path, annotation: dict, kinds: tuple | None) -> None:
    coco_file(tmp_path, annotation)
    dataset = read(tmp_path)
    assert state(dataset.samples[0]) == (Label.DEFECTIVE, kinds, True)
    assert [problem.where for problem in dataset.problems] == ["labels.json", "labels.json"]
    assert "annotation 5" in dataset.problems[0].what
    assert "gone.jpg" in dataset.problems[1].what


def test_coco_annotations_of_no_image_are_named(tmp_path: Path) -> None:
    coco_file(tmp_path, {"image_id": 77, "bbox": [1, 1, 5, 5]})
    dataset = read(tmp_path)
    assert any("77" in problem.what for problem in dataset.problems)
    assert state(dataset.samples[0]) == GOOD


def test_boxes_beyond_the_image_are_clipped_and_noted(tmp_path: Path) -> None:
    coco_file(tmp_path, {"bbox": [-5, 30, 20, 30]})
    dataset = read(tmp_path)
    (defect,) = dataset.samples[0].defects or ()
    assert defect.box == Box(0, 30, 15, small.HEIGHT)
    assert "clipped" in dataset.problems[0].what


def voc_file(root: Path, text: str) -> None:
    small.photograph(root / "a.jpg")
    small.photograph(root / "b.jpg")
    (root / "a.xml").write_text(text)
    (root / "b.xml").write_text("<annotation><filename>b.jpg</filename></annotation>")


@pytest.mark.parametrize(
    "text",
    [
        "<annotation>",
        "<html/>",
        "",
        '<!DOCTYPE a [<!ENTITY b "c">]><annotation><filename>a.jpg</filename></annotation>',
    ],
)
def test_bad_xml_leaves_its_image_unseen(tmp_path: Path, text: str) -> None:
    voc_file(tmp_path, text)
    dataset = read(tmp_path)
    assert problem(dataset, "a.xml").startswith("unreadable-file: ")
    assert state(by_stem(dataset)["a"]) == UNKNOWN
    assert state(by_stem(dataset)["b"]) == GOOD


@pytest.mark.parametrize(
    ("box", "what"),
    [
        ("<xmin>5</xmin><ymin>5</ymin><xmax>x</xmax><ymax>9</ymax>", "no complete box"),
        ("<xmin>5</xmin><ymin>5</ymin><xmax>9</xmax>", "no complete box"),
        ("<xmin>nan</xmin><ymin>5</ymin><xmax>9</xmax><ymax>9</ymax>", "no complete box"),
        ("<xmin>9</xmin><ymin>5</ymin><xmax>5</xmax><ymax>9</ymax>", "no extent"),
        ("<xmin>90</xmin><ymin>5</ymin><xmax>99</xmax><ymax>9</ymax>", "outside"),
    ],
)
def test_bad_voc_boxes(tmp_path: Path, box: str, what: str) -> None:
    thing = f"<object><name>pit</name><bndbox>{box}</bndbox></object>"
    voc_file(tmp_path, f"<annotation><filename>a.jpg</filename>{thing}</annotation>")
    dataset = read(tmp_path)
    assert what in problem(dataset, "a.xml")
    assert state(by_stem(dataset)["a"]) == (Label.DEFECTIVE, ("pit",), True)


def test_two_files_that_label_one_image(tmp_path: Path) -> None:
    voc_file(tmp_path, "<annotation><filename>b.jpg</filename></annotation>")
    dataset = read(tmp_path)
    assert "contradictory-label: labels b.jpg" in problem(dataset, "b.xml")


def test_a_stale_name_in_voc_gives_way_to_the_files_own_stem(tmp_path: Path) -> None:
    voc_file(tmp_path, "<annotation><filename>IMG_0001.JPG</filename></annotation>")
    dataset = read(tmp_path)
    assert dataset.problems == ()
    assert state(by_stem(dataset)["a"]) == GOOD


@pytest.mark.parametrize(
    "line",
    [
        "0 0.5 0.5 0.1",
        "pit 0.5 0.5 0.1 0.1",
        "0 0.5 0.5 0.1 nan",
        "0 40 20 10 10",
        "7 0.5 0.5 0.1 0.1",
        "0 0.5 0.5 0 0.1",
        "0 0.5 0.5 0.6 0.6 0.7",
    ],
)
def test_bad_yolo_lines(tmp_path: Path, line: str) -> None:
    small.yolo_boxes(tmp_path)
    (tmp_path / "labels" / "one.txt").write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    (tmp_path / "labels" / "gone.txt").write_text("")
    dataset = read(tmp_path)
    sample = by_stem(dataset)["one"]
    assert (sample.label, sample.defects) == (Label.DEFECTIVE, None)
    assert problem(dataset, "labels/one.txt").startswith("unusable-label: line 2: ")
    assert "missing-file: no image" in problem(dataset, "labels/gone.txt")


def test_yolo_without_names_calls_kinds_by_number(tmp_path: Path) -> None:
    small.yolo_boxes(tmp_path)
    (tmp_path / "data.yaml").unlink()
    dataset = read(tmp_path)
    assert by_stem(dataset)["one"].kinds == ("1",)
    assert "names the classes" in problem(dataset, "data.yaml")


def test_absent_images_of_a_kaggle_table_are_named(tmp_path: Path) -> None:
    small.severstal_wide(tmp_path)
    (tmp_path / "two.jpg").unlink()
    dataset = read(tmp_path)
    assert "two.jpg" in problem(dataset, "train.csv")
    assert by_stem(dataset).keys() == {"one", "clean", "unseen"}


@pytest.mark.parametrize("runs", ["1 4 3 2", "5", "-3 4", "2400 2", "one 4"])
def test_bad_kaggle_runs_leave_the_place_unknown(tmp_path: Path, runs: str) -> None:
    small.severstal_wide(tmp_path)
    table = tmp_path / "train.csv"
    lines = table.read_text().splitlines()
    lines[1] = f"one.jpg,{runs},0 0,1"
    table.write_text("\n".join(lines))
    dataset = read(tmp_path)
    assert "one.jpg" in problem(dataset, "train.csv")
    assert state(by_stem(dataset)["one"]) == (Label.DEFECTIVE, ("1",), True)
    assert by_stem(dataset)["two"].defects


def test_a_ragged_kaggle_table_says_which_row(tmp_path: Path) -> None:
    small.severstal_wide(tmp_path)
    with (tmp_path / "train.csv").open("a") as file:
        file.write("three.jpg,0 0\n")
    assert "row 5" in problem(read(tmp_path), "train.csv")


@pytest.mark.parametrize(
    ("write", "folder"),
    [
        (lambda root: None, "it"),
        (lambda root: (root / "note.txt").write_text("hello"), "it"),
        (lambda root: small.photograph(root / "only.jpg"), "it"),
        (lambda root: None, "missing"),
    ],
)
def test_folders_of_no_use(tmp_path: Path, write: Callable[[Path], object], folder: str) -> None:
    (tmp_path / "it").mkdir()
    write(tmp_path / "it")
    with pytest.raises(DatasetError) as caught:
        read(tmp_path / folder)
    assert caught.value.where == str(tmp_path / folder)
    assert caught.value.remedy


def test_a_table_whose_images_are_all_absent_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("fname,1,2,defects\na.jpg,1 5,0 0,1\n")
    with pytest.raises(DatasetError, match=r"a\.jpg"):
        read(tmp_path)


def test_two_layouts_in_one_folder_are_an_error_that_names_both(tmp_path: Path) -> None:
    small.voc(tmp_path)
    content = {"images": [{"id": 1, "file_name": "JPEGImages/one.jpg"}], "annotations": []}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    with pytest.raises(DatasetError, match=r"coco.*voc") as caught:
        read(tmp_path)
    assert caught.value.remedy == "Choose one with --layout: coco, voc"
    assert read(tmp_path, "voc").layout == "voc"
    assert read(tmp_path, "coco").layout == "coco"


def test_a_folder_of_several_datasets_is_not_taken_for_one(tmp_path: Path) -> None:
    small.mvtec(tmp_path / "bottle")
    small.mvtec(tmp_path / "cable")
    with pytest.raises(DatasetError, match="no known layout") as caught:
        read(tmp_path)
    assert "one dataset" in str(caught.value.remedy)


def test_images_without_any_label_are_not_labelled_by_their_folder(tmp_path: Path) -> None:
    small.photograph(tmp_path / "images" / "a.jpg")
    with pytest.raises(DatasetError, match="no known layout"):
        read(tmp_path)


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    small.voc(tmp_path)
    with pytest.raises(DatasetError, match="'vocal' is not a layout"):
        read(tmp_path, "vocal")
