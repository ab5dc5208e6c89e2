"""Every layout gives what its files say, and keeps "clean" and "nobody looked" apart."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import small_datasets as small

from flawscope.data import detect, read
from flawscope.masks import union
from flawscope.values import Box, Dataset, Sample


def by_stem(dataset: Dataset) -> dict[str, Sample]:
    return {PurePosixPath(sample.id).stem: sample for sample in dataset.samples}


@pytest.fixture(params=small.LAYOUTS)
def written(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict]:
    layout, write = small.LAYOUTS[request.param]
    return layout, tmp_path, write(tmp_path)


def test_is_detected(written: tuple) -> None:
    layout, root, _ = written
    found = detect(root)
    assert found.layout == layout
    assert found.why


def test_says_what_the_files_say(written: tuple) -> None:
    layout, root, expected = written
    dataset = read(root)
    samples = by_stem(dataset)
    assert dataset.layout == layout
    assert dataset.problems == ()
    assert samples.keys() == expected.keys()
    for stem, wanted in expected.items():
        sample = samples[stem]
        assert (sample.label, sample.kinds, sample.split) == (
            wanted.label,
            wanted.kinds,
            wanted.split,
        ), stem
        assert sample.size == (small.HEIGHT, small.WIDTH)
        assert sample.image == root / sample.id
        if wanted.places:
            assert sample.defects is not None


def test_places_are_to_the_pixel(written: tuple) -> None:
    _, root, expected = written
    samples = by_stem(read(root))
    for stem, wanted in expected.items():
        found = samples[stem].defects
        if wanted.places is None or stem not in small.MASKS:
            continue
        assert found is not None
        truth = sum(small.MASKS[stem].values(), np.zeros((small.HEIGHT, small.WIDTH), dtype=bool))
        assert (
            sorted(defect.box for defect in found) == sorted(small.boxes(truth)) or len(found) == 1
        )
        if wanted.places == "masks":
            masks = [defect.mask for defect in found if defect.mask is not None]
            assert len(masks) == len(found)
            np.testing.assert_array_equal(union(masks, samples[stem].size), truth)
        else:
            assert all(defect.mask is None for defect in found)


def test_samples_come_in_order_of_id(written: tuple) -> None:
    ids = [sample.id for sample in read(written[1]).samples]
    assert ids == sorted(ids)


def test_mask_images_give_a_defect_for_each_piece(tmp_path: Path) -> None:
    small.image_mask_pairs(tmp_path)
    found = by_stem(read(tmp_path))["two"].defects
    assert found is not None
    assert [defect.kind for defect in found] == ["pit", "pit"]


def test_one_image_can_show_several_kinds(tmp_path: Path) -> None:
    small.masks_by_kind(tmp_path)
    sample = by_stem(read(tmp_path))["two"]
    assert sample.defects is not None
    areas = dict.fromkeys(small.KINDS, 0)
    for defect in sample.defects:
        assert defect.mask is not None
        areas[defect.kind] += defect.mask.area
    overlap = (small.scratch() & small.pits()).sum()
    assert areas == {
        "pit": small.pits().sum(),
        "scratch": small.scratch().sum() - overlap,
    }


def test_flat_trees_and_pairs_locate_without_naming_a_kind(tmp_path: Path) -> None:
    for root, image, mask in (
        (tmp_path / "trees", "images/a.jpg", "masks/a.png"),
        (tmp_path / "pairs", "a.jpg", "a_mask.png"),
    ):
        small.photograph(root / image)
        small.mask_file(root / mask, small.scratch())
        dataset = read(root)
        assert dataset.kinds == ()
        assert dataset.samples[0].kinds == ("defect",)


def test_groups_are_read_in_any_layout(tmp_path: Path) -> None:
    small.voc(tmp_path)
    (tmp_path / "groups.csv").write_text(
        "image,part\nJPEGImages\\one.jpg,7\nJPEGImages/two.jpg,7\nJPEGImages/gone.jpg,8\n"
    )
    dataset = read(tmp_path)
    groups = {stem: sample.group for stem, sample in by_stem(dataset).items()}
    assert groups == {"one": "7", "two": "7", "clean": None, "unseen": None}
    assert [problem.where for problem in dataset.problems] == ["groups.csv", "groups.csv"]
    assert "gone.jpg" in dataset.problems[0].what
    assert "2 images" in dataset.problems[1].what


def test_kaggle_classes_can_be_named(tmp_path: Path) -> None:
    small.severstal_long(tmp_path)
    (tmp_path / "classes.txt").write_text("scratch\npit\ncrack\n")
    dataset = read(tmp_path)
    assert by_stem(dataset)["two"].kinds == ("pit",)
    assert dataset.kinds == ("crack", "pit", "scratch"), "what is named was looked for"


def test_masks_by_kind_may_lie_in_parts_of_a_split(tmp_path: Path) -> None:
    for part in ("train", "test"):
        small.photograph(tmp_path / part / "images" / "a" / "7.png")
        mask = tmp_path / part / "masks" / "pit" / "a" / "7_mask.png"
        small.mask_file(mask, small.scratch())
    dataset = read(tmp_path)
    assert dataset.layout == "image-mask-trees"
    assert [(one.id, one.kinds, one.split) for one in dataset.samples] == [
        ("test/images/a/7.png", ("pit",), "test"),
        ("train/images/a/7.png", ("pit",), "train"),
    ]
    assert dataset.problems == ()


def test_voc_boxes_reach_from_the_first_to_the_last_pixel(tmp_path: Path) -> None:
    small.photograph(tmp_path / "a.jpg")
    (tmp_path / "a.xml").write_text(
        "<annotation><filename>a.jpg</filename><object><name>pit</name><bndbox><xmin>1</xmin>"
        f"<ymin>1</ymin><xmax>{small.WIDTH}</xmax><ymax>1</ymax></bndbox></object></annotation>"
    )
    (defect,) = read(tmp_path).samples[0].defects or ()
    assert defect.box == Box(0, 0, small.WIDTH, 1)


@pytest.mark.parametrize(
    ("shape", "box", "area"),
    [
        ({"shape_type": "rectangle", "points": [[30, 20], [10, 5]]}, (10, 5, 30, 20), None),
        ({"shape_type": "line", "points": [[3, 3], [20, 3]]}, (3, 3, 20, 4), None),
        ({"shape_type": "linestrip", "points": [[1, 1], [9, 1], [9, 9]]}, (1, 1, 9, 9), None),
        ({"shape_type": "point", "points": [[7.5, 8.5]]}, (7, 8, 8, 9), None),
        ({"shape_type": "circle", "points": [[30, 20], [40, 20]]}, (20, 10, 40, 30), 314),
        ({"points": [[2, 2], [12, 2], [12, 7], [2, 7]]}, (2, 2, 12, 7), 50),
    ],
)
def test_labelme_shapes(tmp_path: Path, shape: dict, box: tuple, area: int | None) -> None:
    small.photograph(tmp_path / "a.jpg")
    shapes = [{"label": "pit", **shape}]
    small.write_json(tmp_path / "a.json", {"shapes": shapes, "imagePath": "a.jpg"})
    dataset = read(tmp_path)
    (defect,) = dataset.samples[0].defects or ()
    assert defect.box == box
    if area is None:
        assert defect.mask is None
    else:
        assert defect.mask is not None
        assert abs(defect.mask.area - area) <= area * 0.03


def test_labelme_masks(tmp_path: Path) -> None:
    import base64
    import io

    from PIL import Image

    small.photograph(tmp_path / "a.jpg")
    stream = io.BytesIO()
    Image.fromarray(small.pits()[3:12, 20:30]).save(stream, "PNG")
    shape = {
        "label": "pit",
        "shape_type": "mask",
        "points": [[20, 3], [29, 11]],
        "mask": base64.b64encode(stream.getvalue()).decode(),
    }
    small.write_json(tmp_path / "a.json", {"shapes": [shape], "imagePath": "a.jpg"})
    (defect,) = read(tmp_path).samples[0].defects or ()
    assert defect.mask is not None
    assert (defect.box, defect.mask.area) == ((20, 3, 30, 12), 89)


def test_splits_of_coco_files_and_yolo_folders(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        small.photograph(tmp_path / "coco" / part / f"{part}.jpg")
        content = {"images": [{"id": 1, "file_name": f"{part}.jpg"}], "annotations": []}
        small.write_json(tmp_path / "coco" / part / "_annotations.coco.json", content)
        small.photograph(tmp_path / "yolo" / part / "images" / f"{part}.jpg")
        (tmp_path / "yolo" / part / "labels").mkdir()
        (tmp_path / "yolo" / part / "labels" / f"{part}.txt").write_text("")
    for layout in ("coco", "yolo"):
        splits = {stem: s.split for stem, s in by_stem(read(tmp_path / layout)).items()}
        assert splits == {"train": "train", "valid": "validation"}


def test_masks_drawn_beside_boxes_are_no_photographs(tmp_path: Path) -> None:
    expected = small.voc(tmp_path)
    small.mask_file(tmp_path / "SegmentationClass" / "one.png", small.scratch())
    dataset = read(tmp_path, "voc")
    assert by_stem(dataset).keys() == expected.keys()
    assert by_stem(dataset)["one"].id == "JPEGImages/one.jpg"
