"""``voc``: Pascal VOC, an XML file of boxes for each image that was looked at.

VOC counts pixels from 1 and its last ones are inside: ``xmin`` 1, ``xmax`` 200 is the half-open
box from 0 to 200. A file without objects says "looked at and clean", no file "nobody looked".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import PurePosixPath
from xml.etree import ElementTree

from flawscope.data.gathering import Gathering
from flawscope.data.listing import Listing
from flawscope.data.marks import Marks
from flawscope.data.naming import kind_name
from flawscope.errors import DatasetError
from flawscope.values import ProblemCode, Size


@dataclass(frozen=True, slots=True)
class Object:
    """A kind and its half-open box: left, top, right, bottom; ``None`` where it has none."""

    kind: str
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is used of a VOC file; ``size`` is (height, width), 0 where it is not stated."""

    filename: str
    size: Size
    objects: tuple[Object, ...]


def parse(data: bytes) -> Annotation:
    """The annotation of a VOC document.

    Raises:
        DatasetError: it is no XML, declares a document type, or is no annotation.
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise DatasetError("declares a document type, which no annotation needs")
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  entities are refused above
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DatasetError(f"not valid XML ({error})") from error
    if root.tag != "annotation":
        raise DatasetError(f"its root is <{root.tag}>, not <annotation>")
    height, width = (int(_number(root, f"size/{side}") or 0) for side in ("height", "width"))
    return Annotation(
        filename=(root.findtext("filename") or "").strip(),
        size=Size(height, width),
        objects=tuple(_object(element) for element in root.findall("object")),
    )


def _object(element: ElementTree.Element) -> Object:
    sides = [_number(element, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
    left, top, right, bottom = sides
    kind = kind_name(element.findtext("name") or "")
    if left is None or top is None or right is None or bottom is None:
        return Object(kind, None)
    return Object(kind, (left - 1, top - 1, right, bottom))


def _number(element: ElementTree.Element, path: str) -> float | None:
    try:
        number = float(element.findtext(path) or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def recognise(listing: Listing) -> str | None:
    """Why a folder looks like this layout, if it does: XML files that are annotations."""
    names = listing.with_suffix(".xml")
    for name in names[:20]:
        try:
            parse(listing.path(name).read_bytes())
        except (DatasetError, OSError):
            continue
        return f"{name} is a Pascal VOC annotation; {len(names)} XML files in all"
    return None


def read(gathering: Gathering) -> None:
    """Reads every XML file and the images that none of them names."""
    for name in gathering.listing.with_suffix(".xml"):
        try:
            annotation = parse(gathering.listing.path(name).read_bytes())
        except DatasetError as error:
            gathering.note(name, error.what, ProblemCode.UNREADABLE_FILE)
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            gathering.note(name, what, ProblemCode.UNREADABLE_FILE)
        else:
            _add(gathering, name, annotation)
    gathering.add_all_unknown(gathering.listing.images)


def _add(gathering: Gathering, name: str, annotation: Annotation) -> None:
    gathering.kinds.update(thing.kind for thing in annotation.objects)
    image = _image_of(gathering, name, annotation)
    if image is None or (size := gathering.size(image)) is None:
        return
    marks = Marks(gathering, image, size, name)
    misfit = all(annotation.size) and annotation.size != size
    for number, thing in enumerate(annotation.objects, 1):
        marks.called = f"object {number}"
        if misfit:
            marks.lose_misfit(thing.kind, annotation.size)
        elif thing.box is None:
            marks.lose(thing.kind, f"an object of {thing.kind} has no complete box")
        else:
            marks.box(thing.kind, thing.box)
    marks.finish()


def _image_of(gathering: Gathering, name: str, annotation: Annotation) -> str | None:
    """The image that ``filename`` names, or else the one image with the file's own stem."""
    named = annotation.filename
    if not named or not gathering.listing.find_image(named, name):
        same = gathering.listing.images_of_stem(PurePosixPath(name).stem)
        if len(same) == 1:
            return gathering.resolve(same[0], name)
    return gathering.resolve(named or PurePosixPath(name).stem, name)
