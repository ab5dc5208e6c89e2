"""The published sets, read as they were published."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from flawscope.data import convert, detect, read
from flawscope.images import open_mask
from flawscope.masks import decode, union
from flawscope.values import Dataset, Label, Sample

pytestmark = pytest.mark.real


@pytest.fixture(scope="session")
def published() -> Path:
    folder = os.environ.get("FLAWSCOPE_DATA")
    if not folder:
        pytest.skip("FLAWSCOPE_DATA does not name the folder of real images")
    return Path(folder)


def kinds(dataset: Dataset) -> dict[str, int]:
    return dict(Counter(kind for sample in dataset.samples for kind in sample.kinds or ()))


def labels(dataset: Dataset) -> dict[Label, int]:
    return dict(Counter(sample.label for sample in dataset.samples))


def whole(sample: Sample) -> np.ndarray:
    masks = [defect.mask for defect in sample.defects or () if defect.mask is not None]
    return union(masks, sample.size)


LAYOUTS = {
    "magnetic-tile": "image-mask-pairs",
    "neu-steel": "image-mask-trees",
    "neu-det": "voc",
    "ball-screw": "labelme",
    "casting": "folder-per-label",
    "x-sdd": "folder-per-label",
    "severstal-sample": "severstal",
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts_are_recognised(published: Path, name: str) -> None:
    assert detect(published / name).layout == LAYOUTS[name]


def test_magnetic_tile(published: Path) -> None:
    started = time.perf_counter()
    dataset = read(published / "magnetic-tile")
    assert time.perf_counter() - started < 20
    assert kinds(dataset) == {"Blowhole": 85, "Uneven": 68, "Break": 63, "Crack": 42, "Fray": 27}
    assert labels(dataset) == {Label.GOOD: 677, Label.DEFECTIVE: 285}
    assert all(sample.group is not None for sample in dataset.samples)
    assert sum(sample.defects is None for sample in dataset.samples) == len(dataset.problems) == 3
    assert all("MT_Uneven" in problem.where for problem in dataset.problems)
    sample = next(sample for sample in dataset.samples if sample.kinds == ("Crack",))
    truth = open_mask(sample.image.with_suffix(".png")) >= 128
    np.testing.assert_array_equal(whole(sample), truth)


def test_neu_steel(published: Path) -> None:
    dataset = read(published / "neu-steel")
    assert kinds(dataset) == {"inclusion": 211, "patches": 209, "scratches": 207}
    assert labels(dataset) == {Label.DEFECTIVE: 627}
    assert dataset.problems == ()
    sample = dataset.samples[0]
    path = published / "neu-steel" / sample.id.replace("images/", "masks/", 1)
    np.testing.assert_array_equal(whole(sample), open_mask(path) >= 128)


def test_neu_det(published: Path) -> None:
    dataset = read(published / "neu-det")
    named = Counter(sample.id.split("/")[1].rsplit("_", 1)[0] for sample in dataset.samples)
    assert named == {"rolled-in_scale": 219, "crazing": 216, "pitted_surface": 195}
    assert labels(dataset) == {Label.DEFECTIVE: 630}
    assert all(defect.mask is None for s in dataset.samples for defect in s.defects or ())
    assert sum(len(sample.defects or ()) for sample in dataset.samples) == 1281


def test_ball_screw(published: Path) -> None:
    dataset = read(published / "ball-screw")
    assert kinds(dataset) == {"Pitting": 375}
    defects = [defect for sample in dataset.samples for defect in sample.defects or ()]
    assert len(defects) == 446
    assert all(defect.mask is not None and defect.mask.area for defect in defects)


def test_casting(published: Path) -> None:
    dataset = read(published / "casting")
    assert labels(dataset) == {Label.DEFECTIVE: 451, Label.GOOD: 348}
    assert dataset.kinds == ()
    assert all(s.kinds is None for s in dataset.samples if s.label == Label.DEFECTIVE)


def test_x_sdd(published: Path) -> None:
    dataset = read(published / "x-sdd")
    assert len(dataset.samples) == 927
    assert len(dataset.kinds) == 7
    assert kinds(dataset)["oxide scale of plate system"] == 41
    assert labels(dataset) == {Label.DEFECTIVE: 927}


def test_severstal_sample_names_the_absent_images(published: Path) -> None:
    dataset = read(published / "severstal-sample")
    assert {sample.label for sample in dataset.samples} == {Label.UNKNOWN}
    assert dataset.kinds == ("1", "2", "3", "4")
    assert len(dataset.problems) == 1000
    assert any("6fa9e1d65.jpg" in problem.what for problem in dataset.problems)


def test_severstal_run_lengths_are_the_drawn_mask(published: Path, tmp_path: Path) -> None:
    source = published / "severstal-sample"
    shutil.copy(source / "test.csv", tmp_path)
    shutil.copy(source / "original.jpg", tmp_path / "6fa9e1d65.jpg")
    (sample,) = read(tmp_path).samples
    drawn = open_mask(source / "gt_mask.jpg") >= 128
    found = whole(sample)
    assert (drawn & found).sum() / (drawn | found).sum() > 0.9


def test_a_published_set_through_polygons(published: Path, tmp_path: Path) -> None:
    dataset = read(published / "ball-screw")
    few = Dataset(dataset.root, dataset.layout, dataset.kinds, dataset.samples[:40])
    convert(few, "yolo", tmp_path / "yolo")
    back = {sample.image.name: sample for sample in read(tmp_path / "yolo").samples}
    for sample in few.samples:
        for truth, found in zip(
            sample.defects or (), back[sample.image.name].defects or (), strict=True
        ):
            assert truth.mask is not None
            assert found.mask is not None
            np.testing.assert_array_equal(decode(found.mask), decode(truth.mask))
