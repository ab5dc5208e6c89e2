"""A dataset's folder, walked once: its files by name, and the image that a label file means."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from flawscope.errors import DatasetError
from flawscope.images import IMAGE_SUFFIXES

_IMAGE_FOLDERS = ("images", "JPEGImages")
_UP = ("", "../")


def tidy(name: str) -> str:
    """A path as label files write it, made comparable: forward slashes, composed Unicode."""
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/")).removeprefix("./")


def suffix_of(name: str) -> str:
    """The suffix of a POSIX path, in lower case, with its dot."""
    return _suffix(name).lower()


def stem_of(name: str) -> str:
    """A POSIX path without its suffix."""
    return name[: len(name) - len(_suffix(name))]


def _suffix(name: str) -> str:
    """As ``PurePosixPath`` has it, which takes ten times as long to be asked of every file."""
    bare = name.rpartition("/")[2]
    dot = bare.rfind(".")
    return bare[dot:] if 0 < dot < len(bare) - 1 else ""


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


class Listing:
    """The files under a folder, as sorted POSIX paths relative to it; hidden ones are passed by.

    Args:
        root: the folder.

    Attributes:
        files: those whose names are Unicode.
        unwritable: the others, which no split and no label file could name.

    Raises:
        DatasetError: it is no folder, or cannot be listed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        if not root.is_dir():
            raise DatasetError("no such folder", where=root, remedy="Check the spelling")
        names = sorted(_walk(root))
        self.unwritable = tuple(name for name in names if not _is_unicode(name))
        self.files = tuple(name for name in names if _is_unicode(name))

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Files with the suffix of an image, masks among them."""
        return self.with_suffix(*IMAGE_SUFFIXES)

    def with_suffix(self, *suffixes: str) -> tuple[str, ...]:
        """Files with one of these suffixes (lower case, with the dot)."""
        return tuple(name for name in self.files if suffix_of(name) in suffixes)

    def path(self, name: str) -> Path:
        """The file itself."""
        return self.root / name

    @cached_property
    def _image_set(self) -> dict[str, str]:
        return {tidy(name): name for name in self.images}

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        by_name = defaultdict(list)
        for name in self.images:
            by_name[PurePosixPath(tidy(name)).name].append(name)
        return by_name

    @cached_property
    def _by_stem(self) -> dict[str, list[str]]:
        by_stem = defaultdict(list)
        for name in self.images:
            by_stem[PurePosixPath(tidy(name)).stem].append(name)
        return by_stem

    def find_image(self, named: str, label_file: str = "") -> list[str]:
        """The images that a name in a label file can mean: one, or none, or several.

        Looked for beside the label file, in a folder of images there or next to it, then from the
        root; then among all images whose path ends in the name, and last (for absolute paths of
        another machine) by bare file name, where one beside the label file goes before others.

        Args:
            named: as written, with slashes of either kind.
            label_file: relative path of the file that says so.
        """
        name = tidy(named)
        folder = PurePosixPath(tidy(label_file)).parent.as_posix()
        for base in (folder, *(f"{folder}/{up}{one}" for one in _IMAGE_FOLDERS for up in _UP), "."):
            exact = _joined(base, name)
            if exact in self._image_set:
                return [self._image_set[exact]]
        same = self._by_name.get(PurePosixPath(name).name, [])
        tail = "/" + "/".join(part for part in name.split("/") if part not in ("..", "."))
        ending = [one for one in same if ("/" + tidy(one)).endswith(tail)]
        beside = [one for one in same if PurePosixPath(tidy(one)).parent.as_posix() == folder]
        return ending or beside or same

    def images_of_stem(self, stem: str) -> Sequence[str]:
        """The images of a bare file name without its suffix."""
        return self._by_stem.get(tidy(stem), [])


def _joined(folder: str, name: str) -> str:
    return os.path.normpath(f"{folder}/{name}").replace("\\", "/")


def _walk(root: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise DatasetError(
            f"cannot be listed ({error.strerror})", where=error.filename, remedy="Check its rights"
        ) from error

    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(folder).relative_to(root)
        for name in names:
            if not name.startswith("."):
                yield (inside / name).as_posix()
