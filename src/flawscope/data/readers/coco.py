"""``coco``: JSON files of images, categories and annotations (polygons, run lengths, boxes).

An image that a file lists without annotations was looked at and is clean; one in the folder that
no file lists was looked at by nobody.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, BaseModel, ValidationError

from flawscope.data.documents import fault, load_json
from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing
from flawscope.data.marks import Marks
from flawscope.data.naming import kind_name, split_of
from flawscope.data.runs import checked, from_coco_string
from flawscope.errors import DatasetError, MaskError
from flawscope.masks import decode
from flawscope.values import UNNAMED, ProblemCode, RunLengths, Size


class Image(BaseModel):
    """One entry of ``images``; sizes may be left out."""

    id: int | str
    file_name: str
    height: int | None = None
    width: int | None = None


class Category(BaseModel):
    """One entry of ``categories``."""

    id: int
    name: Annotated[str, AfterValidator(kind_name)]


class Runs(BaseModel):
    """Run lengths, compressed (a string) or not (a list); ``size`` is (height, width)."""

    size: tuple[int, int]
    counts: list[int] | str


class Annotation(BaseModel):
    """What places one entry of ``annotations``; ``bbox`` is left, top, width, height."""

    category_id: int
    segmentation: Runs | list[list[float]] | None = None
    bbox: tuple[float, float, float, float] | None = None


class Document(BaseModel):
    """What is used of a COCO file; annotations are checked one at a time."""

    images: list[Image]
    annotations: list[dict[str, Any]]
    categories: list[Category] = []


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: a JSON file with images and annotations."""
    for name in _documents(listing):
        try:
            content = load_json(listing.path(name))
        except DatasetError:
            continue
        if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
            return f"{name} lists images and annotations"
    return None


def _documents(listing: Listing) -> list[str]:
    """JSON files that may be COCO's: all, unless there are so many that each is of one image."""
    names = listing.with_suffix(".json")
    return [name for name in names if len(names) <= 20 or "/annotations/" in f"/{name}"]


def read(gathering: Gathering) -> None:
    """Reads every JSON file and the images that none of them lists."""
    for name in _documents(gathering.listing):
        try:
            content = load_json(gathering.listing.path(name))
            document = Document.model_validate(content)
        except DatasetError as error:
            gathering.note(name, error.what, ProblemCode.UNREADABLE_FILE)
        except ValidationError as error:
            gathering.note(name, fault(error))
        else:
            _add(gathering, name, document)
    gathering.add_all_unknown(gathering.listing.images)


def _add(gathering: Gathering, name: str, document: Document) -> None:
    kinds = {category.id: category.name for category in document.categories}
    gathering.kinds.update(kinds.values())
    by_image: dict[int | str, list[dict[str, Any]]] = defaultdict(list)
    for entry in document.annotations:
        by_image[_hashable(entry.get("image_id"))].append(entry)
    split = split_of(re.split(r"[\W_]+", name))
    for listed in document.images:
        annotations = by_image.pop(listed.id, [])
        image = gathering.resolve(listed.file_name, name)
        if image is None or (size := gathering.size(image)) is None:
            continue
        marks = Marks(gathering, image, size, name)
        stated = Size(listed.height or size.height, listed.width or size.width)
        for annotation in annotations:
            marks.called = f"annotation {annotation.get('id')} of {image}"
            _mark(marks, annotation, kinds, size, stated)
        marks.finish(split)
    for missing, annotations in by_image.items():
        what = f"{len(annotations)} annotations are for an image {missing!r} that it lacks"
        gathering.note(name, what, ProblemCode.MISSING_FILE)


def _category(entry: dict[str, Any]) -> int:
    id_ = entry.get("category_id")
    return id_ if isinstance(id_, int) else -1


def _hashable(id_: object) -> int | str:
    return id_ if isinstance(id_, int | str) else repr(id_)


def _mark(
    marks: Marks, entry: dict[str, Any], kinds: dict[int, str], size: Size, stated: Size
) -> None:
    try:
        annotation = Annotation.model_validate(entry)
    except ValidationError as error:
        marks.lose(kinds.get(_category(entry), UNNAMED), fault(error))
        return
    kind = kinds.get(annotation.category_id)
    if kind is None:
        marks.lose(UNNAMED, f"no category has the id {annotation.category_id}")
    elif stated != size:
        marks.lose_misfit(kind, stated)
    else:
        try:
            _place(marks, annotation, kind, size)
        except MaskError as error:
            marks.lose(kind, error.what)


def _place(marks: Marks, annotation: Annotation, kind: str, size: Size) -> None:
    shape = annotation.segmentation
    if isinstance(shape, Runs):
        marks.mask(kind, decode(_runs(shape, size)))
    elif shape:
        if any(len(ring) < 6 or len(ring) % 2 for ring in shape):
            raise MaskError("a polygon has an odd number of coordinates or fewer than six")
        marks.polygons(kind, [np.array(ring, dtype=np.float64).reshape(-1, 2) for ring in shape])
    elif annotation.bbox is not None:
        left, top, width, height = annotation.bbox
        marks.box(kind, (left, top, left + width, top + height))
    else:
        raise MaskError("it has neither a segmentation nor a box")


def _runs(shape: Runs, size: Size) -> RunLengths:
    if shape.size != size:
        height, width = shape.size
        raise MaskError(
            f"run lengths for {width} x {height} pixels, not {size.width} x {size.height}"
        )
    if isinstance(shape.counts, str):
        return from_coco_string(shape.counts, size)
    return checked(shape.counts, size)
