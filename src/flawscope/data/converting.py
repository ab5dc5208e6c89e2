"""A dataset out, in another layout."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from flawscope.data.progress import Progress, silent, told
from flawscope.data.sidecars import (
    CLASSES_FILE,
    GROUPS_FILE,
    LABELS_FILE,
    LabelRow,
    format_groups,
    format_labels,
)
from flawscope.data.writers import WRITERS, Placed, Writer
from flawscope.errors import DatasetError
from flawscope.files import folder_written_whole, write_text
from flawscope.values import Dataset, Label, Problem, Sample

WRITABLE = tuple(WRITERS)
"""Names of the layouts that can be written."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What was written.

    Attributes:
        out: the new folder.
        layout: its layout.
        images: how many images it holds.
        losses: what the layout cannot keep, by image.
    """

    out: Path
    layout: str
    images: int
    losses: tuple[Problem, ...]


def convert(dataset: Dataset, layout: str, out: Path, progress: Progress = silent) -> Conversion:
    """Writes a dataset in another layout: images byte for byte, masks to the pixel.

    What the layout has no place for (kinds without places, groups, splits) goes into small files
    that ``read`` knows (``flawscope.data.sidecars``). The folder is written whole or not at all.

    Args:
        dataset: as read.
        layout: one of ``WRITABLE``.
        out: a folder that does not exist yet or is empty, outside the dataset's own.
        progress: told of every image.

    Raises:
        DatasetError: the layout cannot be written, ``out`` is in use, or an image is gone.
    """
    _check(dataset, layout, out)
    writer = WRITERS[layout]
    samples = [_writable(sample, writer) for sample in dataset.samples]
    insides = _insides(samples)
    parts = [
        Placed(sample, str(PurePosixPath(writer.folder(sample), inside)), inside)
        for sample, inside in zip(samples, insides, strict=True)
    ]
    kinds = _kinds(dataset)
    with folder_written_whole(out) as beside:
        copied = told(_copied(parts, beside), "writing images", len(parts), progress)
        writer.write(copied, kinds, beside)
        _write_sidecars(parts, kinds if writer.classes(kinds) else (), beside)
    losses = tuple(
        Problem(
            sample.id,
            f"boxes without masks cannot be kept in {layout}, so all of its places are left out",
        )
        for sample, kept in zip(dataset.samples, samples, strict=True)
        if sample is not kept
    )
    return Conversion(out, layout, len(parts), losses)


def require_writable_layout(layout: str) -> None:
    """Raises DatasetError where nothing writes a layout."""
    if layout not in WRITERS:
        raise DatasetError(
            f"{layout!r} is not a layout that can be written",
            remedy=f"Choose from {', '.join(WRITABLE)}",
        )


def _check(dataset: Dataset, layout: str, out: Path) -> None:
    require_writable_layout(layout)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(
            "exists already and is not an empty folder",
            where=out,
            remedy="Name a folder that does not exist yet",
        )
    if out.resolve().is_relative_to(dataset.root.resolve()):
        raise DatasetError(
            "lies inside the dataset that is converted",
            where=out,
            remedy="Name a folder outside it",
        )


def _writable(sample: Sample, writer: Writer) -> Sample:
    """The sample itself, or without its places where the layout cannot keep them all."""
    if writer.boxes or all(defect.mask is not None for defect in sample.defects or ()):
        return sample
    return replace(sample, defects=None)


def _insides(samples: Sequence[Sample]) -> list[str]:
    """Paths of images in their new folder: their ids, no two alike but for the suffix."""
    top = "images/" if all(sample.id.startswith("images/") for sample in samples) else ""
    taken: set[str] = set()
    insides = []
    for sample in samples:
        path = PurePosixPath(sample.id.removeprefix(top))
        stem = path.with_suffix("")
        while str(stem).casefold() in taken:
            stem = stem.with_name(f"{stem.name}_{path.suffix.lstrip('.')}")
        taken.add(str(stem).casefold())
        insides.append(f"{stem}{path.suffix}")
    return insides


def _kinds(dataset: Dataset) -> tuple[str, ...]:
    shown = {kind for sample in dataset.samples for kind in sample.kinds or ()}
    located = {defect.kind for sample in dataset.samples for defect in sample.defects or ()}
    return tuple(sorted({*dataset.kinds, *shown, *located}))


def _copied(parts: Sequence[Placed], out: Path) -> Iterator[Placed]:
    """The parts, each once its image is copied."""
    for part in parts:
        target = out / part.image
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(part.sample.image, target)
        except OSError as error:
            raise DatasetError(
                f"cannot be copied ({error.strerror})",
                where=part.sample.image,
                remedy="Read the dataset again, or make room",
            ) from error
        yield part


def _write_sidecars(parts: Sequence[Placed], classes: tuple[str, ...], out: Path) -> None:
    rows = [row for part in parts if (row := _label_row(part))]
    groups = [(part.image, part.sample.group or "") for part in parts]
    if rows:
        write_text(out / LABELS_FILE, format_labels(rows))
    if any(group for _, group in groups):
        write_text(out / GROUPS_FILE, format_groups(groups))
    if classes:
        write_text(out / CLASSES_FILE, "".join(f"{kind}\n" for kind in classes))


def _label_row(part: Placed) -> LabelRow | None:
    """What no layout has a place for: the split, and a label without places."""
    sample = part.sample
    if sample.defects is None and sample.label != Label.UNKNOWN:
        return LabelRow(part.image, sample.label, sample.split, sample.kinds)
    return LabelRow(part.image, split=sample.split) if sample.split else None
