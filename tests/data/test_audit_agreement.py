from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from flawscope.data.audit import adjusted_rand_index

_GROUPINGS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 5), min_size=n, max_size=n),
        st.lists(st.integers(0, 5), min_size=n, max_size=n),
    )
)


@settings(deadline=None)
@given(_GROUPINGS)
def test_it_is_scikit_learns(groupings: tuple[list[int], list[int]]) -> None:
    assert adjusted_rand_index(*groupings) == pytest.approx(adjusted_rand_score(*groupings))


def test_names_of_groups_do_not_matter() -> None:
    assert adjusted_rand_index("aabbc", [3, 3, 1, 1, 2]) == 1.0


def test_groupings_of_different_things() -> None:
    with pytest.raises(ValueError, match="of 2 and of 3"):
        adjusted_rand_index("ab", "abc")
