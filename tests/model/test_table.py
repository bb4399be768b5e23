"""A table is its columns, filled row by row."""

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.model import Column
from osler.model.measure import CAPACITY
from osler.model.table import Table


def test_columns_see_every_row() -> None:
    table = Table.of(["a", "b"])
    table.add(0, [1.0, 2.0])
    table.add(3, [3.0, 4.0])
    a, b = table.columns.values()
    assert a.history() == (array("q", [0, 3]), array("d", [1.0, 3.0]))
    assert (b.first, b.last, len(b)) == (2.0, 4.0, 2)
    table.add(4, [5.0, 6.0])
    assert (a.last, b.last) == (5.0, 6.0)


def test_a_row_of_another_length_is_refused() -> None:
    table = Table.of(["a", "b"])
    with pytest.raises(ValueError, match="a row of 3 values for 2 columns"):
        table.add(0, [1.0, 2.0, 3.0])
    assert len(table.columns["a"]) == 0


def test_a_row_may_be_bytes() -> None:
    table = Table.of(["a", "b"])
    table.add(7, array("d", [1.0, 2.0]).tobytes())
    assert table.columns["b"].history() == (array("q", [7]), array("d", [2.0]))
    with pytest.raises(ValueError, match="a row of 1 values for 2 columns"):
        table.add(8, bytes(8))


def test_a_row_that_holds_no_numbers_leaves_nothing_behind() -> None:
    table = Table.of(["a"])
    with pytest.raises(TypeError):
        table.add(0, ["x"])
    table.add(1, [2.0])
    assert table.columns["a"].history() == (array("q", [1]), array("d", [2.0]))


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=12), st.booleans())
def test_the_history_is_that_of_a_column(parts: list[int], is_read_early: bool) -> None:
    table, column = Table.of(["a", "b"]), Column()
    sent: list[array[float]] = []
    table.send_to(lambda steps, values: sent.append(values))
    step = 0
    for part in parts:
        for _ in range(part):
            table.add(step, [step / 2, 0.0])
            column.add(step, step / 2)
            step += 1
        if is_read_early:
            assert table.columns["a"].total == step
    table.settle()
    assert table.columns["a"].history() == column.history()
    assert len(column.history()[0]) <= CAPACITY + 1
    assert sum(map(len, sent)) == 2 * step
