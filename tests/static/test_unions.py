"""Unions of sets are right, and are one of the sets where that will do."""

from itertools import product

import pytest

from osler.static.unions import NOTHING, united

ONE, OTHER, BOTH = frozenset({1}), frozenset({2}), frozenset({1, 2})


@pytest.mark.parametrize("sets", list(product([NOTHING, ONE, OTHER, BOTH, frozenset({3})], repeat=3)))
def test_everything_is_in_the_union(sets: tuple[frozenset[int], ...]) -> None:
    assert united(sets) == frozenset().union(*sets)


@pytest.mark.parametrize(
    ("sets", "same"),
    [
        ([], NOTHING),
        ([frozenset()], NOTHING),
        ([ONE, frozenset()], ONE),
        ([frozenset(), ONE], ONE),
        ([ONE, BOTH], BOTH),
        ([BOTH, ONE, OTHER], BOTH),
        ([ONE, frozenset({1})], ONE),
    ],
)
def test_no_set_is_made_without_need(sets: list[frozenset[int]], same: frozenset[int]) -> None:
    assert united(iter(sets)) is same
