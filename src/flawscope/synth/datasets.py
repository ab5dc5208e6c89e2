"""Rendered parts as a labelled dataset on disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from flawscope.errors import DatasetError
from flawscope.files import write_text
from flawscope.images import save_image
from flawscope.masks import union
from flawscope.synth.parts import DEFAULT_SIZE, Part, render
from flawscope.synth.planting import DEFECTS
from flawscope.synth.surfaces import SURFACES
from flawscope.values import Size


def write_dataset(
    out: Path,
    count: int,
    *,
    seed: int = 0,
    size: tuple[int, int] = DEFAULT_SIZE,
    surfaces: Sequence[str] = SURFACES,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Writes a folder of rendered parts in the layout ``image-mask-trees``, whole or not at all.

    ``images/00001-turned.png`` is a part and ``masks/KIND/00001-turned.png`` shows where it has
    that kind of defect, 0 or 255; every part has a mask of every kind, all empty for a good part.
    ``groups.csv`` puts each part into a group of its own.

    Args:
        out: the folder, which must not exist, or be empty.
        count: how many parts.
        seed: decides all of them.
        size: (height, width) of each.
        surfaces: which they have, in turn.
        progress: called with (parts done, count) after each.

    Raises:
        DatasetError: the folder holds something already.
        FlawscopeError: as for ``render``.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError("there is something already", where=out, remedy="Name a new folder")
    seeds = np.random.default_rng([seed, 4]).integers(2**31, size=count)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".partial-") as beside:
        whole = Path(beside) / "dataset"
        groups = ["image,group"]
        for number, own in enumerate(seeds.tolist()):
            surface = surfaces[number % len(surfaces)]
            part = render(own, surface=surface, size=size)
            name = f"{number + 1:05}-{surface}.png"
            _write_part(whole, name, part)
            groups.append(f"images/{name},{number + 1:05}")
            if progress:
                progress(number + 1, count)
        write_text(whole / "groups.csv", "\n".join(groups) + "\n")
        if out.exists():
            out.rmdir()
        shutil.move(whole, out)


def _write_part(root: Path, name: str, part: Part) -> None:
    save_image(part.image, root / "images" / name)
    height, width = part.image.shape[:2]
    for kind in DEFECTS:
        runs = [defect.mask for defect in part.defects if defect.kind == kind and defect.mask]
        mask = union(runs, Size(height, width)).astype(np.uint8) * np.uint8(255)
        save_image(mask, root / "masks" / kind / name)
