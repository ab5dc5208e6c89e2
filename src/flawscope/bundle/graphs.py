"""A look through an ONNX graph for weights that lie outside it.

A graph may name other files as its weights, anywhere on the machine, and an engine would read
them. Graphs of a model file never do: everything they need is inside, under its sha256. The
bytes are walked as protocol buffers, so that opening a model needs no ONNX package.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_HOLDS = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""By message of onnx.proto, the numbers of the fields that may hold a tensor, and what they are."""

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def fault_of(graph: bytes) -> str | None:
    """Why an ONNX graph is not to be run, or ``None``: it is no graph, or has weights outside."""
    waiting = [("model", memoryview(graph))]
    try:
        while waiting:
            message, content = waiting.pop()
            for number, value in _fields(content):
                if message == "tensor" and _is_outside(number, value):
                    return "takes weights from another file"
                held = _HOLDS[message].get(number)
                if held and isinstance(value, memoryview):
                    waiting.append((held, value))
    except (IndexError, ValueError):
        return "is no ONNX graph"
    return None


def _is_outside(number: int, value: memoryview | int) -> bool:
    return number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of each field: bytes for what has a length, else a number."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        kind, length = key & 7, 0
        if kind == _VARINT:
            value, place = _varint(content, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, place = _varint(content, place)
        elif kind in (_FIXED64, _FIXED32):
            length = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(kind)
        if place + length > len(content):
            raise IndexError(length)
        yield key >> 3, content[place : place + length]
        place += length


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError(value)
