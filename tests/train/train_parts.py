"""Small labelled parts in memory and on disk, and settings that train on them in seconds."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from flawscope.images import open_mask, save_image
from flawscope.masks import encode
from flawscope.synth import render
from flawscope.train import Recipe, load_recipe
from flawscope.train.crops import Crop, Crops
from flawscope.train.cutting import cut
from flawscope.train.supervision import Lesson
from flawscope.values import Box, Defect, Label, Sample, Size

KINDS = ("pit", "scratch")
SIDE = 96
SMALL = Size(40, 60)
BRIEF = (
    "precision=float32",
    "crops.size=64",
    "schedule.batch=2",
    "schedule.steps=4",
    "schedule.validate_every=2",
    "certificate.pictures=0",
)
"""Of any recipe."""

TINY = (*BRIEF, "decoder.channels=[16, 16, 8, 8]")


def tiny(*settings: str) -> Recipe:
    return load_recipe("shared", (*TINY, *settings))


@contextmanager
def in_one_process() -> Iterator[pytest.MonkeyPatch]:
    """Training in the body cuts its crops itself; it may be patched further."""

    @contextmanager
    def here(crops: Crops, numbers: Sequence[Sequence[int]]) -> Iterator[Iterator[Crop]]:
        yield (cut(crops, batch) for batch in numbers)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flawscope.train.loop.cutting", here)
        yield patch


def defect(kind: str, box: Box, size: Size, *, masked: bool = True) -> Defect:
    """A defect that fills its box."""
    mask = np.zeros(size, dtype=bool)
    mask[box.top : box.bottom, box.left : box.right] = True
    return Defect(kind, box, encode(mask) if masked else None)


def sample(
    label: Label,
    defects: Sequence[Defect] | None = None,
    kinds: Sequence[str] | None = None,
    *,
    size: Size = SMALL,
    image: Path = Path("part.png"),
    group: str | None = None,
    split: str | None = "train",
) -> Sample:
    """A sample; its kinds are those of its defects where those are known."""
    if defects is not None:
        kinds = tuple(sorted({one.kind for one in defects}))
        defects = tuple(defects)
    shown = None if kinds is None else tuple(kinds)
    return Sample(image.name, image, size, label, defects, shown, group, split)


def lesson(one: Sample, *, vocabulary: Sequence[int] = (0, 1), dataset: str = "parts") -> Lesson:
    return Lesson(one, dataset, tuple(vocabulary))


def photograph(path: Path, *, seed: int = 0, size: Size = SMALL) -> Path:
    """Noise, without anything to see."""
    pixels = np.random.default_rng(seed).integers(90, 160, (*size, 3), dtype=np.uint8)
    save_image(pixels, path)
    return path


def masked_parts(root: Path, *, good: int = 12, defective: int = 12) -> Path:
    """Images and trees of masks: dark pits and scratches in turn, each part a group of its own."""
    groups = []
    for number in range(good + defective):
        kind = KINDS[number % 2] if number >= good else None
        image = render(number, surface="blasted", defects=(), size=(SIDE, SIDE)).image.copy()
        box = _mark(number)
        if kind:
            image[box.top : box.bottom, box.left : box.right] //= 3
        name = f"{number:03}.png"
        save_image(image, root / "images" / name)
        for one in KINDS:
            mask = np.zeros((SIDE, SIDE), dtype=np.uint8)
            if one == kind:
                mask[box.top : box.bottom, box.left : box.right] = 255
            save_image(mask, root / "masks" / one / name)
        groups.append((f"images/{name}", f"part-{number}"))
    write_groups(root, groups)
    return root


def _mark(number: int) -> Box:
    """Square for pits, drawn out for scratches."""
    top = 12 + 2 * (number % 20)
    return Box(30, top, 54, top + 24) if number % 2 == 0 else Box(20, top, 80, top + 8)


def boxed_parts(source: Path, root: Path) -> Path:
    """The parts of ``masked_parts`` with boxes in place of masks, as COCO."""
    images, annotations, groups = [], [], []
    for number, image in enumerate(sorted((source / "images").glob("*.png"))):
        name = f"images/{image.name}"
        (root / "images").mkdir(parents=True, exist_ok=True)
        shutil.copy(image, root / name)
        groups.append((name, f"part-{number}"))
        images.append({"id": number, "file_name": image.name, "height": SIDE, "width": SIDE})
        for index, kind in enumerate(KINDS):
            if open_mask(source / "masks" / kind / image.name).any():
                box = _mark(number)
                extent = [box.left, box.top, box.width, box.height]
                annotations.append(
                    {
                        "id": len(annotations),
                        "image_id": number,
                        "category_id": index,
                        "bbox": extent,
                    }
                )
    categories = [{"id": index, "name": kind} for index, kind in enumerate(KINDS)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content))
    write_groups(root, groups)
    return root


def sorted_parts(source: Path, root: Path, folders: Sequence[str]) -> Path:
    """A folder for each label: of the parts of ``masked_parts``, in turn."""
    groups = []
    for number, image in enumerate(sorted((source / "images").glob("*.png"))):
        name = f"{folders[number % len(folders)]}/{image.name}"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, root / name)
        groups.append((name, f"part-{number}"))
    write_groups(root, groups)
    return root


def write_groups(root: Path, groups: Sequence[tuple[str, str]]) -> None:
    with (root / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "group"), *groups])
