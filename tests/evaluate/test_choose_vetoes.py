"""A mask is dropped for an improbable kind only where that gains more than it may lose."""

from __future__ import annotations

import numpy as np

from flawscope.evaluate import choose_veto

THRESHOLDS = 3


def counted(both: int, found: int, true: int) -> np.ndarray:
    return np.tile([both, found, true], (THRESHOLDS, 1)).astype(np.int64)


def located(chances_of_shown: list[float], chances_of_others: list[float], false: int) -> tuple:
    """Images that show the kind, found well, and others, on which so many pixels are found."""
    counts = [counted(80, 100, 100) for _ in chances_of_shown]
    counts += [counted(0, false, 0) for _ in chances_of_others]
    chances = np.array(chances_of_shown + chances_of_others)
    return np.stack(counts), chances, [f"part-{number}" for number in range(len(counts))]


def test_a_veto_goes_just_over_the_false_alarms_and_not_just_under_the_kind() -> None:
    counts, chances, parts = located([0.3, 0.35, 0.4, 0.9], [0.01, 0.02, 0.03], false=500)
    assert 0.03 < choose_veto(counts, chances, parts) < 0.3


def test_without_false_alarms_there_is_no_veto() -> None:
    assert choose_veto(*located([0.3, 0.6, 0.9], [0.01, 0.4], false=0)) == 0.0


def test_a_veto_that_costs_as_many_masks_as_it_saves_is_not_made() -> None:
    """The kind's own probability says nothing here, so only its masks can."""
    counts, chances, parts = located([0.05, 0.1, 0.2, 0.3], [0.06, 0.11, 0.21, 0.31], false=40)
    assert choose_veto(counts, chances, parts) == 0.0


def test_the_only_part_that_shows_a_kind_is_no_reason_for_a_veto() -> None:
    counts, chances, parts = located([0.3, 0.31, 0.32], [0.01] * 5, false=500)
    assert choose_veto(counts, chances, ["only"] * 3 + parts[3:]) == 0.0


def test_no_mask_is_dropped_of_a_kind_that_is_likely() -> None:
    counts, chances, parts = located([0.9, 0.95, 0.99], [0.6, 0.7, 0.8], false=500)
    assert choose_veto(counts, chances, parts) <= 0.5


def test_a_kind_that_is_never_shown_is_judged_as_any_other() -> None:
    counts, chances, parts = located([], [0.1, 0.6], false=10)
    assert choose_veto(counts, chances, parts) == 0.5
