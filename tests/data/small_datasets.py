"""One small dataset, written in every layout that can be read, each by code of its own.

Four photographs of 40 x 60 pixels: one with a scratch, one with two pits of which one has a
hole, a clean one, and one that nobody looked at. Layouts that cannot say "nobody looked" leave
that one out.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from flawscope.values import Label

HEIGHT, WIDTH = 40, 60


def _blank() -> NDArray[np.bool_]:
    return np.zeros((HEIGHT, WIDTH), dtype=bool)


def scratch() -> NDArray[np.bool_]:
    mask = _blank()
    mask[10:14, 5:45] = True
    return mask


def pits() -> NDArray[np.bool_]:
    """Two pieces; the first has a hole of one pixel."""
    mask = _blank()
    mask[3:12, 20:30] = True
    mask[6, 25] = False
    mask[25:37, 40:59] = True
    return mask


MASKS = {"one": {"scratch": scratch()}, "two": {"pit": pits()}, "clean": {}}
KINDS = ("pit", "scratch")


@dataclass(frozen=True)
class Expected:
    """What reading must give for one image; ``places``: ``None``, ``masks`` or ``boxes``."""

    label: Label
    kinds: tuple[str, ...] | None
    places: str | None
    split: str | None = None


LOCATED = {
    "one": Expected(Label.DEFECTIVE, ("scratch",), "masks"),
    "two": Expected(Label.DEFECTIVE, ("pit",), "masks"),
    "clean": Expected(Label.GOOD, (), "masks"),
}
UNSEEN = {"unseen": Expected(Label.UNKNOWN, None, None)}
BOXED = {
    **LOCATED,
    "one": Expected(Label.DEFECTIVE, ("scratch",), "boxes"),
    "two": Expected(Label.DEFECTIVE, ("pit",), "boxes"),
}


def photograph(path: Path, *, seed: int = 0, size: tuple[int, int] = (HEIGHT, WIDTH)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(60, 200, size, dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def photographs(folder: Path, *names: str) -> None:
    for seed, name in enumerate(names):
        photograph(folder / name, seed=seed)


def mask_file(path: Path, mask: NDArray[np.bool_]) -> Path:
    """A mask with soft edges, as publishers make them: 255 inside, 100 on a rim outside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.where(mask, 255, 0).astype(np.uint8)
    rim = np.zeros_like(mask)
    rim[1:] |= mask[:-1]
    values[rim & ~mask] = 100
    Image.fromarray(values).save(path)
    return path


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def kaggle(mask: NDArray[np.bool_]) -> str:
    """Kaggle's run lengths, pixel by pixel down the columns."""
    pairs, inside = [], False
    for place, value in enumerate(mask.T.ravel().tolist(), 1):
        if value and not inside:
            pairs.append([place, 0])
        if value:
            pairs[-1][1] += 1
        inside = value
    return " ".join(f"{start} {length}" for start, length in pairs)


def boxes(mask: NDArray[np.bool_]) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom of the pieces drawn above."""
    if mask[10, 5]:
        return [(5, 10, 45, 14)]
    return [(20, 3, 30, 12), (40, 25, 59, 37)] if mask.any() else []


def image_mask_pairs(root: Path) -> dict[str, Expected]:
    for folder, stem in (("P_scratch", "one"), ("P_pit", "two"), ("P_Free", "clean")):
        photograph(root / folder / "Imgs" / f"{stem}.jpg")
        mask = next(iter(MASKS[stem].values()), _blank())
        mask_file(root / folder / "Imgs" / f"{stem}.png", mask)
    return LOCATED


def image_mask_trees(root: Path) -> dict[str, Expected]:
    for folder, stem in (("scratch", "one"), ("pit", "two"), ("good", "clean")):
        photograph(root / "images" / folder / f"{stem}.jpg")
        if MASKS[stem]:
            mask_file(root / "masks" / folder / f"{stem}.png", MASKS[stem][folder])
    return LOCATED


def masks_by_kind(root: Path) -> dict[str, Expected]:
    """The other form of mask trees, where one image shows both kinds."""
    photographs(root / "images" / "line 1", "one.png", "two.png", "clean.png", "unseen.png")
    mask_file(root / "masks" / "scratch" / "line 1" / "one.png", scratch())
    mask_file(root / "masks" / "pit" / "line 1" / "two.png", pits())
    mask_file(root / "masks" / "scratch" / "line 1" / "two.png", scratch() & ~pits())
    mask_file(root / "masks" / "good" / "line 1" / "clean.png", _blank())
    both = Expected(Label.DEFECTIVE, ("pit", "scratch"), None)
    return {**LOCATED, **UNSEEN, "two": both}


def mvtec(root: Path) -> dict[str, Expected]:
    photograph(root / "train" / "good" / "clean.png")
    photograph(root / "test" / "good" / "fine.png", seed=1)
    for kind, stem in (("scratch", "one"), ("pit", "two")):
        photograph(root / "test" / kind / f"{stem}.png", seed=2)
        mask_file(root / "ground_truth" / kind / f"{stem}_mask.png", MASKS[stem][kind])
    return {
        "one": Expected(Label.DEFECTIVE, ("scratch",), "masks", "test"),
        "two": Expected(Label.DEFECTIVE, ("pit",), "masks", "test"),
        "fine": Expected(Label.GOOD, (), None, "test"),
        "clean": Expected(Label.GOOD, (), "masks", "train"),
    }


def _coco(root: Path, place: Callable[[NDArray[np.bool_], str], object]) -> dict[str, Expected]:
    photographs(root / "images", "one.jpg", "two.jpg", "clean.jpg", "unseen.jpg")
    annotations = []
    for image, kinds in enumerate(MASKS.values(), 1):
        for kind, mask in kinds.items():
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": KINDS.index(kind) + 1,
                    "iscrowd": 0,
                    "segmentation": place(mask, kind),
                }
            )
    content = {
        "images": [
            {"id": number, "file_name": f"{stem}.jpg", "height": HEIGHT, "width": WIDTH}
            for number, stem in enumerate(MASKS, 1)
        ],
        "annotations": annotations,
        "categories": [{"id": n, "name": kind} for n, kind in enumerate(KINDS, 1)],
    }
    write_json(root / "annotations" / "instances.json", content)
    return {**LOCATED, **UNSEEN}


def coco_compressed(root: Path) -> dict[str, Expected]:
    def place(mask: NDArray[np.bool_], _: str) -> object:
        runs = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        return {"size": runs["size"], "counts": runs["counts"].decode()}

    return _coco(root, place)


def coco_crowd(root: Path) -> dict[str, Expected]:
    """Uncompressed run lengths, as crowds have them."""

    def place(mask: NDArray[np.bool_], _: str) -> object:
        counts, last = [0], False
        for value in mask.T.ravel().tolist():
            if value != last:
                counts.append(0)
            counts[-1] += 1
            last = value
        return {"size": [HEIGHT, WIDTH], "counts": counts}

    return _coco(root, place)


def coco_polygons(root: Path) -> dict[str, Expected]:
    """Rectangles as polygons; the hole is lost, as COCO's polygons have none."""

    def place(mask: NDArray[np.bool_], _: str) -> object:
        return [[x0, y0, x1, y0, x1, y1, x0, y1] for x0, y0, x1, y1 in boxes(mask)]

    return {**_coco(root, place), "two": Expected(Label.DEFECTIVE, ("pit",), None)}


def voc(root: Path) -> dict[str, Expected]:
    photographs(root / "JPEGImages", "one.jpg", "two.jpg", "clean.jpg", "unseen.jpg")
    (root / "Annotations").mkdir()
    for stem, kinds in MASKS.items():
        objects = "".join(
            f"<object><name>{kind}</name><bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
            f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
            for kind, mask in kinds.items()
            for x0, y0, x1, y1 in boxes(mask)
        )
        (root / "Annotations" / f"{stem}.xml").write_text(
            f"<annotation><filename>{stem}.jpg</filename><size><width>{WIDTH}</width>"
            f"<height>{HEIGHT}</height><depth>1</depth></size>{objects}</annotation>"
        )
    return {**BOXED, **UNSEEN}


def _yolo(root: Path, line: Callable[[tuple[int, int, int, int]], list[float]]) -> None:
    photographs(root / "images", "one.jpg", "two.jpg", "clean.jpg", "unseen.jpg")
    (root / "labels").mkdir()
    for stem, kinds in MASKS.items():
        lines = [
            f"{KINDS.index(kind)} " + " ".join(f"{value:.6f}" for value in line(box))
            for kind, mask in kinds.items()
            for box in boxes(mask)
        ]
        (root / "labels" / f"{stem}.txt").write_text("\n".join(lines))


def yolo_boxes(root: Path) -> dict[str, Expected]:
    def line(box: tuple[int, int, int, int]) -> list[float]:
        x0, y0, x1, y1 = box
        sides = (WIDTH, HEIGHT, WIDTH, HEIGHT)
        numbers = ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0)
        return [number / side for number, side in zip(numbers, sides, strict=True)]

    _yolo(root, line)
    (root / "data.yaml").write_text("train: images\nnames: [pit, scratch]\n")
    return {**BOXED, **UNSEEN}


def yolo_polygons(root: Path) -> dict[str, Expected]:
    def line(box: tuple[int, int, int, int]) -> list[float]:
        x0, y0, x1, y1 = box
        corners = (x0, y0, x1, y0, x1, y1, x0, y1)
        return [value / (HEIGHT if i % 2 else WIDTH) for i, value in enumerate(corners)]

    _yolo(root, line)
    (root / "classes.txt").write_text("pit\nscratch\n")
    return {**LOCATED, **UNSEEN, "two": Expected(Label.DEFECTIVE, ("pit",), None)}


def labelme(root: Path) -> dict[str, Expected]:
    photographs(root, "one.jpg", "two.jpg", "clean.jpg", "unseen.jpg")
    for stem, kinds in MASKS.items():
        shapes = [
            {
                "label": kind,
                "shape_type": "polygon",
                "points": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]],
            }
            for kind, mask in kinds.items()
            for x0, y0, x1, y1 in boxes(mask)
        ]
        write_json(
            root / f"{stem}.json",
            {
                "version": "5.5.0",
                "shapes": shapes,
                "imagePath": f"{stem}.jpg",
                "imageData": None,
                "imageHeight": HEIGHT,
                "imageWidth": WIDTH,
            },
        )
    return {**LOCATED, **UNSEEN, "two": Expected(Label.DEFECTIVE, ("pit",), None)}


def _table(path: Path, rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


_NUMBERS = {
    "one": Expected(Label.DEFECTIVE, ("1",), "masks"),
    "two": Expected(Label.DEFECTIVE, ("2",), "masks"),
    "clean": Expected(Label.GOOD, (), "masks"),
}
_CLASSES = {"1": ("one", scratch()), "2": ("two", pits())}


def severstal_joined(root: Path) -> dict[str, Expected]:
    photographs(root / "train_images", "one.jpg", "two.jpg", "clean.jpg", "unseen.jpg")
    rows = [("ImageId_ClassId", "EncodedPixels")]
    for stem in MASKS:
        for class_, (shown, mask) in _CLASSES.items():
            rows.append((f"{stem}.jpg_{class_}", kaggle(mask) if shown == stem else ""))
    _table(root / "train.csv", rows)
    return {**_NUMBERS, **UNSEEN}


def severstal_long(root: Path) -> dict[str, Expected]:
    photographs(root / "train_images", "one.jpg", "two.jpg", "clean.jpg")
    photographs(root / "test_images", "unseen.jpg")
    rows = [("ImageId", "ClassId", "EncodedPixels")]
    rows += [(f"{stem}.jpg", class_, kaggle(mask)) for class_, (stem, mask) in _CLASSES.items()]
    _table(root / "train.csv", rows)
    _table(root / "sample_submission.csv", [rows[0], ("unseen.jpg", "1", "1 2400")])
    return {**_NUMBERS, **UNSEEN}


def severstal_wide(root: Path) -> dict[str, Expected]:
    photographs(root, "one.jpg", "two.jpg", "clean.jpg", "unseen.jpg")
    rows = [("fname", "1", "2", "defects")]
    for stem in MASKS:
        cells = [kaggle(m) if shown == stem else "0 0" for shown, m in _CLASSES.values()]
        rows.append((f"{stem}.jpg", *cells, str(sum(cell != "0 0" for cell in cells))))
    _table(root / "train.csv", rows)
    return {**_NUMBERS, **UNSEEN}


def folder_per_label(root: Path) -> dict[str, Expected]:
    photograph(root / "surface scratch" / "one.jpg")
    photograph(root / "deep pit" / "two.png")
    photograph(root / "ok_front" / "clean.jpeg")
    return {
        "one": Expected(Label.DEFECTIVE, ("surface scratch",), None),
        "two": Expected(Label.DEFECTIVE, ("deep pit",), None),
        "clean": Expected(Label.GOOD, (), "masks"),
    }


def good_or_bad(root: Path) -> dict[str, Expected]:
    """Labels only: the one defective folder names no kind."""
    photograph(root / "test" / "def_front" / "one.jpg")
    photograph(root / "train" / "ok_front" / "clean.jpg")
    return {
        "one": Expected(Label.DEFECTIVE, None, None, "test"),
        "clean": Expected(Label.GOOD, (), "masks", "train"),
    }


LAYOUTS: dict[str, tuple[str, Callable[[Path], dict[str, Expected]]]] = {
    "pairs": ("image-mask-pairs", image_mask_pairs),
    "trees": ("image-mask-trees", image_mask_trees),
    "trees by kind": ("image-mask-trees", masks_by_kind),
    "mvtec": ("mvtec", mvtec),
    "coco compressed": ("coco", coco_compressed),
    "coco crowd": ("coco", coco_crowd),
    "coco polygons": ("coco", coco_polygons),
    "voc": ("voc", voc),
    "yolo boxes": ("yolo", yolo_boxes),
    "yolo polygons": ("yolo", yolo_polygons),
    "labelme": ("labelme", labelme),
    "severstal joined": ("severstal", severstal_joined),
    "severstal long": ("severstal", severstal_long),
    "severstal wide": ("severstal", severstal_wide),
    "folders": ("folder-per-label", folder_per_label),
    "good or bad": ("folder-per-label", good_or_bad),
}
"""By name: the layout's own name, and what writes it and says what reading must give."""
