"""Which shapes met by accident, and how many entries they have."""

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model import Shape, is_stray, size_of, without_ones


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ((16, 1), (16,), (16, 16)),
        ((16,), (16, 1), (16, 16)),
        ((16, 1, 1), (16,), (16, 1, 16)),
        ((4, 1, 8), (4, 8), (4, 4, 8)),
    ],
    ids=["a column and a row", "the other way round", "two axes too many", "in the middle"],
)
def test_an_axis_too_many_spreads_by_accident(left: Shape, right: Shape, result: Shape) -> None:
    assert is_stray(left, right, result)


@pytest.mark.parametrize(
    ("left", "right", "result"),
    [
        ((16, 1), (1, 16), (16, 16)),
        ((16, 8), (8,), (16, 8)),
        ((16, 8), (1, 8), (16, 8)),
        ((16, 1), (16, 8), (16, 8)),
        ((16,), (), (16,)),
        ((1,), (), (1,)),
        ((1, 1), (1,), (1, 1)),
        ((16,), (16,), (16,)),
        ((1, 16), (16,), (1, 16)),
        ((16, 1), (16, 1), (16, 1)),
    ],
    ids=[
        "all pairs, on purpose",
        "a bias",
        "a bias of the same rank",
        "a scale for each row",
        "a number",
        "one entry and a number",
        "one entry",
        "the same shape",
        "an axis that changes nothing",
        "a column and a column",
    ],
)
def test_what_is_spread_on_purpose_or_not_at_all(left: Shape, right: Shape, result: Shape) -> None:
    assert not is_stray(left, right, result)


SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
few = settings(max_examples=40, deadline=None)


@few
@given(SHAPES)
def test_axes_of_length_one_hold_no_entries(shape: Shape) -> None:
    assert size_of(without_ones(shape)) == size_of(shape) == prod(shape)


@pytest.mark.parametrize(("shape", "entries"), [((), 1), ((0,), 0), ((3, 0, 2), 0), ((3, 1, 2), 6)])
def test_the_number_of_entries(shape: Shape, entries: int) -> None:
    assert size_of(shape) == entries


@few
@given(SHAPES, SHAPES, SHAPES)
def test_which_operand_comes_first_does_not_matter(left: Shape, right: Shape, result: Shape) -> None:
    assert is_stray(left, right, result) == is_stray(right, left, result)


@few
@given(SHAPES, st.permutations(range(4)))
def test_the_order_of_axes_does_not_change_how_many_entries_there_are(shape: Shape, order: list[int]) -> None:
    turned = tuple(shape[n] for n in order if n < len(shape))
    assert size_of(turned) == size_of(shape)


@few
@given(SHAPES)
def test_a_tensor_never_meets_itself_by_accident(shape: Shape) -> None:
    assert not is_stray(shape, shape, shape)
