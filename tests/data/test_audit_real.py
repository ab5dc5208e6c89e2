"""What must be found in the published sets."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from flawscope.data import read
from flawscope.data.audit import adjusted_rand_index, check, infer_groups
from flawscope.data.splitting import PARTS, apply_split, split, stratum_names
from flawscope.values import Dataset

pytestmark = pytest.mark.real


@cache
def _set(name: str) -> Dataset:
    root = os.environ.get("FLAWSCOPE_DATA")
    if not root:
        pytest.skip("FLAWSCOPE_DATA names no folder of real images")
    return read(Path(root) / name)


def test_the_tiles_are_found_without_their_groups_file() -> None:
    dataset = _set("magnetic-tile")
    named = {sample.id: str(sample.group) for sample in dataset.samples}
    bare = replace(dataset, samples=tuple(replace(s, group=None) for s in dataset.samples))
    audit = check(bare)
    agreement = adjusted_rand_index(
        [named[id_] for id_ in sorted(named)], [audit.groups[id_] for id_ in sorted(named)]
    )
    assert agreement >= 0.95
    codes = {finding.code: finding for finding in audit.findings}
    assert len(codes["parts-shot-several-times"].sets) > 0
    assert codes["empty-mask"].count == 3


def test_the_wear_series_are_found() -> None:
    dataset = _set("ball-screw")
    groups = infer_groups(dataset)
    series = {id_: tuple(id_.split("_")[2:4]) for id_ in groups if id_.startswith("01_")}
    assert len(series) == 325
    ids = sorted(series)
    assert adjusted_rand_index([series[i] for i in ids], [groups[i] for i in ids]) == 1.0


def test_the_small_kinds_of_the_tiles_land_in_every_part() -> None:
    dataset = _set("magnetic-tile")
    applied = apply_split(dataset, split(dataset, allow_leaks=True))
    shown = Counter(
        (sample.split, name) for sample in applied.samples for name in stratum_names(sample)
    )
    for kind in dataset.kinds:
        total = sum(shown[part, kind] for part in PARTS)
        assert shown["test", kind] >= 0.15 * total
        assert shown["validation", kind] >= 0.15 * total


def test_castings_that_come_again_are_found() -> None:
    codes = {finding.code: finding for finding in check(_set("casting")).findings}
    pairs = {frozenset(ids) for ids in codes["near-duplicates"].sets}
    flipped = {"def_front/cast_def_0_2866.jpeg", "def_front/cast_def_0_6444.jpeg"}
    assert any(flipped <= found for found in pairs)
