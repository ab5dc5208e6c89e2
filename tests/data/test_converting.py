"""A round trip through every layout that is written keeps pixels, clean and unseen images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import small_datasets as small
from numpy.typing import NDArray
from pycocotools.coco import COCO

from flawscope.data import WRITABLE, convert, detect, read
from flawscope.data.gathering import defects_in
from flawscope.errors import DatasetError
from flawscope.masks import decode, union
from flawscope.values import Box, Dataset, Defect, Label, Sample, Size

SIZE = Size(small.HEIGHT, small.WIDTH)
MASK_LAYOUTS = sorted(set(WRITABLE) - {"yolo", "labelme", "coco"})


def pixels(sample: Sample) -> dict[str, NDArray[np.bool_]]:
    masks: dict[str, list] = {}
    for defect in sample.defects or ():
        if defect.mask is not None:
            masks.setdefault(defect.kind, []).append(defect.mask)
    return {kind: union(runs, sample.size) for kind, runs in masks.items()}


def by_name(dataset: Dataset) -> dict[str, Sample]:
    return {PurePosixPath(sample.id).name: sample for sample in dataset.samples}


def dataset_of(root: Path, **parts: dict) -> Dataset:
    """A dataset of parts ``folder__name=fields``; all photographs are different."""
    samples = []
    for seed, (name, fields) in enumerate(parts.items()):
        id_ = name.replace("__", "/") + ".png"
        image = small.photograph(root / id_, seed=seed)
        samples.append(Sample(id_, image, SIZE, **fields))
    return Dataset(root, "test", ("crack", "pit", "scratch"), tuple(samples))


def speckle() -> NDArray[np.bool_]:
    """Pieces that touch at corners, holes in holes, and pixels at every border."""
    mask = np.random.default_rng(5).random(SIZE) < 0.5
    mask[0, 0] = mask[-1, -1] = True
    return mask


PARTS = {
    "a__two kinds": {
        "label": Label.DEFECTIVE,
        "defects": (*defects_in(small.pits(), "pit"), *defects_in(small.scratch(), "scratch")),
        "kinds": ("pit", "scratch"),
        "group": "7",
        "split": "train",
    },
    "a__speckle": {
        "label": Label.DEFECTIVE,
        "defects": defects_in(speckle(), "pit"),
        "kinds": ("pit",),
    },
    "a__clean": {"label": Label.GOOD, "defects": (), "kinds": (), "group": "7"},
    "b__clean": {"label": Label.GOOD, "defects": (), "kinds": (), "split": "test"},
    "b__unseen": {"label": Label.UNKNOWN},
    "b__unseen, but of a part": {"label": Label.UNKNOWN, "group": "8", "split": "validation"},
    "b__named": {"label": Label.DEFECTIVE, "kinds": ("crack", "pit")},
    "Blöcke__schlecht": {"label": Label.DEFECTIVE},
}


@pytest.mark.parametrize("layout", WRITABLE)
def test_everything_comes_back(tmp_path: Path, layout: str) -> None:
    dataset = dataset_of(tmp_path / "from", **PARTS)
    result = convert(dataset, layout, tmp_path / "to")
    assert (result.images, result.losses) == (len(dataset.samples), ())
    assert detect(tmp_path / "to").layout == layout
    back = read(tmp_path / "to")
    assert back.problems == ()
    assert back.kinds == dataset.kinds
    assert len(back.samples) == len(dataset.samples)
    for sample in dataset.samples:
        (same,) = [one for one in back.samples if one.id.endswith(sample.id)]
        assert same.image.read_bytes() == sample.image.read_bytes()
        assert (same.label, same.kinds) == (sample.label, sample.kinds), sample.id
        assert (same.group, same.split) == (sample.group, sample.split)
        assert (same.defects is None) == (sample.defects is None)
        assert pixels(same).keys() == pixels(sample).keys()
        for kind, truth in pixels(sample).items():
            np.testing.assert_array_equal(pixels(same)[kind], truth)
        assert len(same.defects or ()) == len(sample.defects or ())


@pytest.mark.parametrize("layout", WRITABLE)
@pytest.mark.parametrize("name", small.LAYOUTS)
def test_every_layout_becomes_every_other(tmp_path: Path, name: str, layout: str) -> None:
    small.LAYOUTS[name][1](tmp_path / "from")
    dataset = read(tmp_path / "from")
    convert(dataset, layout, tmp_path / "to")
    back = read(tmp_path / "to", layout)
    assert by_name(back).keys() == by_name(dataset).keys()
    for called, sample in by_name(dataset).items():
        same = by_name(back)[called]
        assert (same.label, same.kinds, same.split) == (sample.label, sample.kinds, sample.split)
        for kind, truth in pixels(sample).items():
            np.testing.assert_array_equal(pixels(same)[kind], truth)


@pytest.mark.parametrize("layout", WRITABLE)
def test_boxes_are_kept_or_said_to_be_lost(tmp_path: Path, layout: str) -> None:
    box = Defect("pit", Box(3, 4, 20, 31))
    fields = {"label": Label.DEFECTIVE, "defects": (box,), "kinds": ("pit",)}
    dataset = dataset_of(tmp_path / "from", boxed=fields)
    result = convert(dataset, layout, tmp_path / "to")
    (back,) = read(tmp_path / "to", layout).samples
    assert (back.label, back.kinds) == (Label.DEFECTIVE, ("pit",))
    if layout in MASK_LAYOUTS:
        assert back.defects is None
        assert [problem.where for problem in result.losses] == ["boxed.png"]
    else:
        assert back.defects == (box,)
        assert result.losses == ()


@pytest.mark.parametrize("layout", WRITABLE)
def test_kinds_that_were_looked_for_and_not_found_stay_known(tmp_path: Path, layout: str) -> None:
    small.coco_polygons(tmp_path / "from")
    dataset = read(tmp_path / "from")
    clean = tuple(one for one in dataset.samples if one.label is Label.GOOD)
    assert clean
    for name, samples in (("some", dataset.samples), ("clean", clean)):
        wider = replace(dataset, kinds=("dent", *dataset.kinds), samples=samples)
        convert(wider, layout, tmp_path / name)
        assert read(tmp_path / name, layout).kinds == ("dent", *small.KINDS)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_sees_the_same_masks(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "from", **PARTS)
    convert(dataset, "coco", tmp_path / "to")
    theirs = COCO(str(tmp_path / "to" / "annotations" / "instances.json"))
    listed = {image["file_name"]: image["id"] for image in theirs.dataset["images"]}
    assert set(listed) == {s.id for s in dataset.samples if s.defects is not None}
    for sample in dataset.samples:
        if sample.id not in listed:
            continue
        annotations = theirs.imgToAnns[listed[sample.id]]
        for annotation, defect in zip(annotations, sample.defects or (), strict=True):
            assert defect.mask is not None
            np.testing.assert_array_equal(theirs.annToMask(annotation) > 0, decode(defect.mask))
            assert annotation["area"] == defect.mask.area


def test_clean_and_unseen_are_told_apart_as_other_tools_do(tmp_path: Path) -> None:
    dataset = dataset_of(
        tmp_path / "from",
        clean={"label": Label.GOOD, "defects": (), "kinds": ()},
        unseen={"label": Label.UNKNOWN},
    )
    for layout in WRITABLE:
        convert(dataset, layout, tmp_path / layout)
    yolo, labelme = tmp_path / "yolo" / "labels", tmp_path / "labelme"
    assert (yolo / "clean.txt").read_text() == ""
    assert not (yolo / "unseen.txt").exists()
    assert '"shapes": []' in (labelme / "clean.json").read_text()
    assert not (labelme / "unseen.json").exists()
    assert (tmp_path / "image-mask-trees" / "masks" / "good" / "clean.png").is_file()
    assert (tmp_path / "severstal" / "train_images" / "clean.png").is_file()
    assert (tmp_path / "severstal" / "test_images" / "unseen.png").is_file()


@pytest.mark.parametrize("layout", WRITABLE)
def test_images_that_differ_in_suffix_alone_stay_apart(tmp_path: Path, layout: str) -> None:
    dataset = dataset_of(tmp_path / "from", part=PARTS["a__two kinds"], Part=PARTS["a__clean"])
    jpeg = small.photograph(tmp_path / "from" / "part.jpg", seed=9)
    other = Sample("part.jpg", jpeg, SIZE, Label.GOOD, (), ())
    convert(replace(dataset, samples=(*dataset.samples, other)), layout, tmp_path / "to")
    back = read(tmp_path / "to", layout)
    assert back.problems == ()
    labels = {s.image.read_bytes(): s.label for s in back.samples}
    wanted = {s.image.read_bytes(): s.label for s in (*dataset.samples, other)}
    assert labels == wanted


def test_images_are_counted_one_by_one(tmp_path: Path) -> None:
    seen = []
    dataset = dataset_of(tmp_path / "from", **PARTS)
    convert(dataset, "yolo", tmp_path / "to", lambda *told: seen.append(told))
    everyone = range(1, len(PARTS) + 1)
    assert seen == [("writing images", number, len(PARTS)) for number in everyone]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("layout", WRITABLE)
def test_an_interruption_leaves_nothing(tmp_path: Path, layout: str, error: type) -> None:
    def stop(_what: str, done: int, _total: int | None) -> None:
        if done == 2:
            raise error

    dataset = dataset_of(tmp_path / "from", **PARTS)
    with pytest.raises(error):
        convert(dataset, layout, tmp_path / "out" / "to", stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_in_use_is_not_touched(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "from", clean=PARTS["a__clean"])
    (tmp_path / "to").mkdir()
    (tmp_path / "to" / "mine.txt").write_text("keep")
    with pytest.raises(DatasetError, match="not an empty folder"):
        convert(dataset, "yolo", tmp_path / "to")
    assert [path.name for path in (tmp_path / "to").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "from", clean=PARTS["a__clean"])
    (tmp_path / "to").mkdir()
    convert(dataset, "yolo", tmp_path / "to")
    assert (tmp_path / "to" / "data.yaml").is_file()
    assert (tmp_path / "to").stat().st_mode & 0o055 == 0o055


def test_nothing_is_written_into_the_dataset(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path, clean=PARTS["a__clean"])
    with pytest.raises(DatasetError, match="inside the dataset"):
        convert(dataset, "yolo", tmp_path / "yolo")


def test_layouts_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "from", clean=PARTS["a__clean"])
    with pytest.raises(DatasetError, match="voc") as caught:
        convert(dataset, "voc", tmp_path / "to")
    assert "coco" in str(caught.value.remedy)


def test_kinds_that_cannot_be_folders_are_refused(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "from", clean=PARTS["a__clean"])
    with pytest.raises(DatasetError, match="a/b"):
        convert(replace(dataset, kinds=("a/b",)), "image-mask-trees", tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    dataset = dataset_of(tmp_path / "from", clean=PARTS["a__clean"])
    dataset.samples[0].image.unlink()
    with pytest.raises(DatasetError) as caught:
        convert(dataset, "coco", tmp_path / "to")
    assert caught.value.where == str(dataset.samples[0].image)
