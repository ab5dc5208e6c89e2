"""The split that a dataset's own folders name, made whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from flawscope.data.audit import copies_in_two_parts
from flawscope.data.progress import Progress, silent
from flawscope.data.splitting import PARTS, UNGROUPED, Part, Split, split
from flawscope.errors import SplitError
from flawscope.values import Dataset, Label, Sample

_CHOSEN_ON = 0.25
"""Of a train part, where no validation part is named: the share to choose on."""


def own_split(dataset: Dataset, *, seed: int = 0, progress: Progress = silent) -> Split | None:
    """The split that a dataset names itself.

    Where it names no validation part, a quarter of its train part becomes one, by group.

    Args:
        dataset: whose samples may say which part they are in.
        seed: decides between groups that fit a validation part equally well.
        progress: told of every image opened and of every comparison.

    Returns:
        ``None`` where it names no train or no test part, leaves images out, has no label in the
        test part, or shows no defect in the train part, as sets for learning from good parts alone.

    Raises:
        SplitError: near copies stand in different parts.
    """
    parts: dict[str | None, list[Sample]] = defaultdict(list)
    for sample in dataset.samples:
        parts[sample.split].append(sample)
    shows = any(sample.label is Label.DEFECTIVE for sample in parts["train"])
    if None in parts or not _is_labelled(parts["test"]) or not shows:
        return None
    refuse_copies(dataset, progress)
    named: tuple[Part, ...] = ("validation", "test")
    learned, shares = parts["train"], (1.0, 0.0, 0.0)
    if not _is_labelled(parts["validation"]):
        named = ("test",)
        learned = [*learned, *parts["validation"]]
        shares = (1.0 - _CHOSEN_ON, _CHOSEN_ON, 0.0)
    train = replace(dataset, samples=tuple(learned))
    made = split(train, shares=shares, seed=seed, progress=progress)
    whole = {**made.parts, **{part: _by_group(parts[part]) for part in named}}
    sizes = [sum(len(ids) for ids in whole[part].values()) for part in PARTS]
    return made.model_copy(
        update={
            "images": len(dataset.samples),
            "shares": tuple(size / len(dataset.samples) for size in sizes),
            "parts": whole,
        }
    )


def refuse_copies(dataset: Dataset, progress: Progress = silent) -> None:
    """Raises SplitError if near copies stand in different parts of a dataset's own split."""
    if torn := copies_in_two_parts(dataset, progress):
        raise SplitError(
            f"{len(torn)} pairs of images are near copies in different parts of the dataset's own"
            f" split, {' = '.join(torn[0])} first, so a score by it would flatter",
            where=dataset.root,
            remedy=f"Split by part with: flawscope data split {dataset.root}",
        )


def _is_labelled(samples: list[Sample]) -> bool:
    return any(sample.label is not Label.UNKNOWN for sample in samples)


def _by_group(samples: list[Sample]) -> dict[str, tuple[str, ...]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for sample in samples:
        groups[sample.group or UNGROUPED].append(sample.id)
    return {name: tuple(sorted(ids)) for name, ids in sorted(groups.items())}
