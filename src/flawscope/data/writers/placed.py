"""What every writer takes: a part and where its image lies in the new folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from flawscope.values import Sample


@dataclass(frozen=True, slots=True)
class Placed:
    """A part whose image was copied.

    Attributes:
        sample: what is known; its ``defects`` are ``None`` where nothing can be written of them.
        image: the image's path relative to the new folder.
        inside: the same, relative to the folder of images.
    """

    sample: Sample
    image: str
    inside: str

    @property
    def stem(self) -> str:
        """``inside`` without its suffix; no two parts share it."""
        return str(PurePosixPath(self.inside).with_suffix(""))
