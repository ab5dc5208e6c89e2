from __future__ import annotations

import numpy as np
import pytest

from flawscope.data import read
from flawscope.errors import DatasetError
from flawscope.images import open_image
from flawscope.masks import decode
from flawscope.synth import DEFECTS, render, write_dataset
from flawscope.values import Label

SIZE = (48, 56)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_dataset_reads_back_with_good_parts_good_and_masks_exact(tmp_path):
    steps = []
    write_dataset(
        tmp_path / "parts", 14, seed=3, size=SIZE, progress=lambda *step: steps.append(step)
    )
    dataset = read(tmp_path / "parts")
    assert dataset.layout == "image-mask-trees"
    assert dataset.problems == ()
    assert dataset.kinds == DEFECTS
    assert len(dataset.samples) == 14
    assert len({sample.group for sample in dataset.samples}) == 14
    labels = {sample.label for sample in dataset.samples}
    assert labels == {Label.GOOD, Label.DEFECTIVE}
    assert steps == [(number, 14) for number in range(1, 15)]
    for sample in dataset.samples:
        assert sample.size == SIZE
        assert bool(sample.defects) == (sample.label is Label.DEFECTIVE)
        assert open_image(sample.image).shape == (*SIZE, 3)
        for defect in sample.defects:
            assert decode(defect.mask).any()


def test_masks_on_disk_are_those_that_were_rendered(tmp_path):
    write_dataset(tmp_path / "parts", 3, seed=1, size=SIZE, surfaces=("cast",))
    seeds = np.random.default_rng([1, 4]).integers(2**31, size=3).tolist()
    for sample, seed in zip(read(tmp_path / "parts").samples, seeds, strict=True):
        part = render(seed, surface="cast", size=SIZE)
        assert np.array_equal(open_image(sample.image), part.image)
        assert set(sample.defects) == set(part.defects)


def test_same_seed_gives_same_files(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_dataset(tmp_path / name, 3, seed=seed, size=SIZE)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="new folder"):
        write_dataset(tmp_path, 2, size=SIZE)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_interruption_leaves_nothing(tmp_path):
    def interrupt(done, count):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "parts", 4, size=SIZE, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


def test_empty_folder_is_filled(tmp_path):
    (tmp_path / "parts").mkdir()
    write_dataset(tmp_path / "parts", 1, size=SIZE)
    assert (tmp_path / "parts" / "groups.csv").is_file()
