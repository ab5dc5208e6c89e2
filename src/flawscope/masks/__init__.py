"""Run lengths, components, polygons and measures of binary masks."""

from flawscope.masks.components import Component, components, length_and_width
from flawscope.masks.polygons import from_polygons, outlines
from flawscope.masks.runs import (
    bounding_box,
    decode,
    decode_at,
    encode,
    encode_at,
    intersection,
    union,
)

__all__ = [
    "Component",
    "bounding_box",
    "components",
    "decode",
    "decode_at",
    "encode",
    "encode_at",
    "from_polygons",
    "intersection",
    "length_and_width",
    "outlines",
    "union",
]
