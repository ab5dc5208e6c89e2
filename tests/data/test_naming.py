"""What folder names mean."""

from __future__ import annotations

import pytest

from flawscope.data.naming import is_good, kinds_of_folders, split_of


@pytest.mark.parametrize(
    "name", ["good", "OK", "ok_front", "MT_Free", "Normal", "defect-free", "clean", "No Defect"]
)
def test_good_folders(name: str) -> None:
    assert is_good(name)


@pytest.mark.parametrize("name", ["not_ok", "scratch", "okra", "free-standing burr", "defective"])
def test_folders_that_are_not_good(name: str) -> None:
    assert not is_good(name)


@pytest.mark.parametrize(
    ("folders", "kinds"),
    [
        (("MT_Free", "MT_Blowhole"), {"MT_Free": None, "MT_Blowhole": "Blowhole"}),
        (("def_front", "ok_front"), {"def_front": "defect", "ok_front": None}),
        (("NG", "OK"), {"NG": "defect", "OK": None}),
        (("defective", "scratch"), {"defective": "defective", "scratch": "scratch"}),
        (("red iron", "red rust"), {"red iron": "red iron", "red rust": "red rust"}),
        (("",), {"": ""}),
        (("", "NG", "OK"), {"": "", "NG": "defect", "OK": None}),
        (("", "MT_Free", "MT_Crack"), {"": "", "MT_Free": None, "MT_Crack": "Crack"}),
        (("scratch",), {"scratch": "scratch"}),
    ],
)
def test_kinds_of_folders(folders: tuple[str, ...], kinds: dict[str, str | None]) -> None:
    assert kinds_of_folders(folders) == kinds


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("train", "train"),
        ("Val2017", "validation"),
        ("test", "test"),
        ("2017", None),
        ("parts", None),
    ],
)
def test_parts_of_a_split(folder: str, part: str | None) -> None:
    assert split_of([folder]) == part
