"""What images share: pixels, parts, and sides of a split they should not share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations

from flawscope.data.audit.agreement import adjusted_rand_index
from flawscope.data.audit.findings import Finding, Severity, about_sets, counted
from flawscope.data.audit.groups import Grouping, Joined, sets_of
from flawscope.data.audit.twins import Twins
from flawscope.masks import encode, union
from flawscope.values import Dataset, Label, RunLengths, Sample

_AGREE = 0.95
_SAME_PLACES = 0.5


def copies(
    dataset: Dataset, exact: Sequence[Sequence[str]], near: Sequence[Twins]
) -> Iterator[Finding]:
    """Findings about images of equal, or nearly equal, pixels."""
    same = {frozenset(pair) for ids in exact for pair in combinations(ids, 2)}
    only_near = [twins for twins in near if frozenset(twins[:2]) not in same]
    if exact:
        yield about_sets(
            "exact-duplicates",
            Severity.WARNING,
            f"{_images(exact)} hold {counted(len(exact), 'picture')} stored more than once",
            "Keep one of each",
            exact,
        )
    if sets := joined_sets(only_near):
        expected = all(sample.group is not None for sample in dataset.samples)
        yield about_sets(
            "near-duplicates",
            Severity.NOTE if expected else Severity.WARNING,
            f"{_images(sets)} hold {counted(len(sets), 'picture')} that come again nearly the same"
            " (recompressed, relit, flipped, turned, or another shot of the same)",
            "Keep each set on one side of a split; flawscope data split does",
            sets,
        )
    yield from _conflicts(dataset, exact, [twins[:2] for twins in only_near])


def _conflicts(
    dataset: Dataset, exact: Sequence[Sequence[str]], near: Sequence[Sequence[str]]
) -> Iterator[Finding]:
    samples = {sample.id: sample for sample in dataset.samples}
    for code, severity, sets, differ, remedy in (
        (
            "conflicting-duplicates",
            Severity.ERROR,
            exact,
            _conflict_of_equals,
            "Decide which label is right; both teach, and one of them teaches wrongly",
        ),
        (
            "conflicting-near-duplicates",
            Severity.WARNING,
            near,
            _conflict,
            "Look at them side by side: another shot of the part may differ, a copy may not",
        ),
    ):
        if found := [ids for ids in sets if differ([samples[id_] for id_ in ids])]:
            kind = "copies" if severity == Severity.ERROR else "nearly the same"
            message = f"{_images(found)} are {kind} but differ in label, kinds or marked area"
            yield about_sets(code, severity, message, remedy, found)


def joined_sets(twins: Iterable[Twins]) -> list[tuple[str, ...]]:
    """Pairs that share an image, together; the largest set first."""
    pairs = [(one, other) for one, other, _ in twins]
    joined = Joined({id_: id_ for pair in pairs for id_ in pair})
    joined.join(pairs)
    return sets_of(joined.groups())


def parts(dataset: Dataset, grouping: Grouping) -> Iterator[Finding]:
    """Findings about images that seem to show one part."""
    sets = sets_of(grouping.groups)
    own = {sample.id: sample.group for sample in dataset.samples if sample.group is not None}
    if not sets or sets == joined_sets(grouping.copies):
        return  # copies alone are reported as such
    number = counted(len(set(grouping.groups.values())), "part")
    shown = f"{len(grouping.groups)} images seem to show {number}"
    reasons = "; ".join(grouping.reasons)
    if not own:
        yield about_sets(
            "parts-shot-several-times",
            Severity.WARNING,
            f"{shown}, {len(sets)} of them several times ({reasons})",
            "Split by group, never image by image; name the groups in groups.csv if you know them",
            sets,
        )
        return
    ids = sorted(own)
    agreement = adjusted_rand_index(
        [own[id_] for id_ in ids], [grouping.groups[id_] for id_ in ids]
    )
    yield about_sets(
        "groups-agree" if agreement >= _AGREE else "groups-differ",
        Severity.NOTE,
        f"{shown} ({reasons}); the dataset names {len(set(own.values()))} groups"
        f" (adjusted Rand index {agreement:.3f})",
        "Where sets are listed, each spans several of its groups: join those that show one part",
        [group for group in sets if len({own.get(id_) for id_ in group}) > 1],
    )


def leaks(dataset: Dataset, groups: Mapping[str, str], near: Sequence[Twins]) -> Iterator[Finding]:
    """Findings about a split, or groups, that copies or parts stand on both sides of."""
    split = {sample.id: sample.split for sample in dataset.samples if sample.split is not None}
    torn = [ids for ids in sets_of(groups) if len({split.get(id_) for id_ in ids} - {None}) > 1]
    if torn:
        yield about_sets(
            "part-in-two-splits",
            Severity.ERROR,
            f"the split leaks: {counted(len(torn), 'part')} ({_images(torn)}) stand on both sides",
            "Split again with: flawscope data split",
            torn,
        )
    if across := apart(near, split.get):
        yield about_sets(
            "duplicate-in-two-splits",
            Severity.ERROR,
            f"the split leaks: {_images(across)} have a copy on the other side",
            "Split again with: flawscope data split",
            across,
        )
    own = {sample.id: sample.group for sample in dataset.samples}
    if scattered := apart(near, own.get):
        yield about_sets(
            "duplicate-in-two-groups",
            Severity.WARNING,
            f"{_images(scattered)} have a near copy in another group",
            "Give both one group in groups.csv; flawscope data split keeps them together anyway",
            scattered,
        )


def apart(near: Iterable[Twins], place: Callable[[str], str | None]) -> list[tuple[str, str]]:
    """Pairs whose images are in different places, where both have one."""
    pairs = [(one, other) for one, other, _ in near]
    return [
        (one, other)
        for one, other in pairs
        if place(one) is not None and place(other) is not None and place(one) != place(other)
    ]


def _conflict(samples: Sequence[Sample]) -> bool:
    """Whether copies of one picture are labelled differently."""
    labels = {sample.label for sample in samples} - {Label.UNKNOWN}
    kinds = {frozenset(sample.kinds) for sample in samples if sample.kinds is not None}
    if len(labels) > 1 or len(kinds) > 1:
        return True
    # Area is what no flip, turn or resizing changes: compared as a share of the picture.
    areas = defaultdict(list)
    for sample in samples:
        if sample.defects is not None:
            for kind, share in _areas(sample).items():
                areas[kind].append(share)
    return any(min(shares) < _SAME_PLACES * max(shares) for shares in areas.values())


def _conflict_of_equals(samples: Sequence[Sample]) -> bool:
    """Whether images of equal pixels are labelled differently; their masks must be equal, too."""
    marked = [_marked(sample) for sample in samples if _is_drawn(sample)]
    return any(one != marked[0] for one in marked) or _conflict(samples)


def _is_drawn(sample: Sample) -> bool:
    """Whether somebody drew all there is; what is drawn at another size is a problem already."""
    return sample.defects is not None and all(
        one.mask is not None and one.mask.size == sample.size for one in sample.defects
    )


def _marked(sample: Sample) -> dict[str, RunLengths]:
    """The pixels of each kind, however many defects they were labelled as."""
    masks = defaultdict(list)
    for defect in sample.defects or ():
        if defect.mask is not None:
            masks[defect.kind].append(defect.mask)
    return {kind: encode(union(ones, sample.size)) for kind, ones in masks.items()}


def _areas(sample: Sample) -> dict[str, float]:
    pixels = sample.size.height * sample.size.width
    shares: dict[str, float] = defaultdict(float)
    for defect in sample.defects or ():
        area = defect.box.width * defect.box.height if defect.mask is None else defect.mask.area
        shares[defect.kind] += area / pixels
    return shares


def _images(sets: Iterable[Sequence[str]]) -> str:
    return counted(len(set(chain.from_iterable(sets))), "image")
