"""``labelme``: a JSON file beside each image that was looked at, with its shapes.

Polygons, circles and masks give masks; rectangles give boxes. A line or a point has no area:
its box is kept alone. A file without shapes says "looked at and clean", no file "nobody looked".
"""

from __future__ import annotations

import base64
import binascii
import io
from pathlib import PurePosixPath
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from flawscope.data.documents import fault, load_json
from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing, stem_of
from flawscope.data.marks import Marks
from flawscope.data.naming import kind_name
from flawscope.data.sidecars import read_classes
from flawscope.errors import DatasetError
from flawscope.values import ProblemCode, Size

_CIRCLE_CORNERS = 64
_POLYGONS = ("polygon", "rotation", "oriented_rectangle")


class Shape(BaseModel):
    """One shape of a LabelMe file; a mask is a PNG, in base64, of the box of its two points."""

    label: Annotated[str, AfterValidator(kind_name)]
    points: list[tuple[float, float]]
    shape_type: str = "polygon"
    mask: str | None = None


class Document(BaseModel):
    """What is used of a LabelMe file."""

    shapes: list[Shape]
    image_path: str = Field(alias="imagePath")
    height: int | None = Field(None, alias="imageHeight")
    width: int | None = Field(None, alias="imageWidth")


def parse(content: object) -> Document:
    """A LabelMe document from the content of its JSON; raises pydantic's ``ValidationError``."""
    return Document.model_validate(content)


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: JSON files with shapes."""
    names = listing.with_suffix(".json")
    for name in names[:20]:
        try:
            content = load_json(listing.path(name))
        except DatasetError:
            continue
        if isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys():
            return f"{name} holds LabelMe shapes; {len(names)} JSON files in all"
    return None


def read(gathering: Gathering) -> None:
    """Reads every JSON file and the images that none of them names."""
    gathering.kinds.update(read_classes(gathering.listing))
    for name in gathering.listing.with_suffix(".json"):
        try:
            document = parse(load_json(gathering.listing.path(name)))
        except DatasetError as error:
            gathering.note(name, error.what, ProblemCode.UNREADABLE_FILE)
        except ValidationError as error:
            gathering.note(name, fault(error))
        else:
            _add(gathering, name, document)
    gathering.add_all_unknown(gathering.listing.images)


def _add(gathering: Gathering, name: str, document: Document) -> None:
    gathering.kinds.update(shape.label for shape in document.shapes)
    image = _image_of(gathering, name, document)
    if image is None or (size := gathering.size(image)) is None:
        return
    marks = Marks(gathering, image, size, name)
    stated = Size(document.height or size.height, document.width or size.width)
    for number, shape in enumerate(document.shapes, 1):
        marks.called = f"shape {number}"
        if stated != size:
            marks.lose_misfit(shape.label, stated)
        else:
            _mark(marks, shape, size)
    marks.finish()


def _image_of(gathering: Gathering, name: str, document: Document) -> str | None:
    """The image named, or else the one beside the file with its stem: names go stale in copies."""
    if not gathering.listing.find_image(document.image_path, name):
        same = gathering.listing.images_of_stem(PurePosixPath(name).stem)
        beside = [image for image in same if stem_of(image) == stem_of(name)]
        if len(beside) == 1:
            return gathering.resolve(beside[0], name)
    return gathering.resolve(document.image_path, name)


def _mark(marks: Marks, shape: Shape, size: Size) -> None:
    points = np.array(shape.points, dtype=np.float64).reshape(-1, 2)
    if not len(points) or not np.isfinite(points).all():
        marks.lose(shape.label, f"a {shape.shape_type} of {shape.label} has no usable points")
    elif shape.shape_type == "rectangle":
        marks.box(shape.label, (*points.min(axis=0).tolist(), *points.max(axis=0).tolist()))
    elif shape.shape_type == "circle" and len(points) > 1:
        marks.polygons(shape.label, [_circle(points[0], points[1])])
    elif shape.shape_type == "mask":
        _mark_mask(marks, shape, size)
    elif shape.shape_type in _POLYGONS:
        marks.polygons(shape.label, [points])
    else:
        marks.around(shape.label, points)


def _circle(centre: NDArray[np.float64], edge: NDArray[np.float64]) -> NDArray[np.float64]:
    angles = np.linspace(0.0, 2.0 * np.pi, _CIRCLE_CORNERS, endpoint=False)
    radius = float(np.hypot(*(edge - centre)))
    return centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _mark_mask(marks: Marks, shape: Shape, size: Size) -> None:
    left, top = (round(value) for value in shape.points[0])
    try:
        data = base64.b64decode(shape.mask or "", validate=True)
        with Image.open(io.BytesIO(data)) as image:
            pixels = np.array(image.convert("L")) > 0
    except (binascii.Error, OSError, ValueError, SyntaxError) as error:
        marks.lose(shape.label, f"the mask of {shape.label} cannot be read ({error})")
        return
    height, width = pixels.shape
    if left < 0 or top < 0 or left + width > size.width or top + height > size.height:
        marks.lose(shape.label, f"the mask of {shape.label} reaches beyond the image")
        return
    whole = np.zeros(size, dtype=bool)
    whole[top : top + height, left : left + width] = pixels
    marks.mask(shape.label, whole)
