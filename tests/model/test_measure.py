"""Measures are named after their modules; columns grow."""

import threading
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.model import Column, Measure
from osler.model.measure import CAPACITY


def test_the_name_is_the_last_part_of_the_module() -> None:
    assert Measure("osler.runtime.measures.batch_size", "rows", "Rows in a batch").name == "batch_size"


def test_a_column_grows() -> None:
    column = Column()
    assert (len(column), column.last) == (0, None)
    column.add(0, 2.5)
    column.add(3, 1.5)
    assert column.history() == (array("q", [0, 3]), array("d", [2.5, 1.5]))
    assert (len(column), column.last) == (2, 1.5)


def test_columns_share_nothing() -> None:
    Column().add(0, 1.0)
    assert len(Column()) == 0


def filled(amount: int) -> Column:
    column = Column()
    for step in range(amount):
        column.add(step, step / 2)
    return column


@pytest.mark.parametrize("amount", [0, 1, CAPACITY, CAPACITY + 1, 2 * CAPACITY, 5 * CAPACITY + 3])
def test_a_history_stays_small_and_keeps_both_ends(amount: int) -> None:
    steps, values = filled(amount).history()
    stride = steps[1] - steps[0] if amount > 1 else 1
    assert len(steps) <= CAPACITY + 1
    assert list(steps) == sorted({*range(0, amount, stride), *range(amount)[-1:]})
    assert list(values) == [step / 2 for step in steps]
    assert len(steps) >= CAPACITY // 2 or amount < CAPACITY


def test_everything_is_counted() -> None:
    column = filled(20_000)
    assert (len(column), column.total) == (20_000, 20_000)
    assert (column.first, column.last) == (0.0, 9_999.5)


@given(st.lists(st.integers(0, 5_000), min_size=1, max_size=10))
def test_the_history_does_not_depend_on_who_settled_when(parts: list[int]) -> None:
    column, once = Column(), filled(sum(parts))
    step = 0
    for part in parts:
        for _ in range(part):
            column.steps.append(step)
            column.values.append(step / 2)
            step += 1
        column.settle()
    assert column.history() == once.history()


def test_a_sink_gets_everything_once() -> None:
    column = filled(3)
    got: list[float] = []
    assert column.send_to(lambda steps, values: got.extend(values)) == 0
    column.add(3, 7.0)
    assert got == [0.0, 0.5, 1.0]
    column.settle()
    column.settle()
    assert got == [0.0, 0.5, 1.0, 7.0]


def test_a_sink_that_comes_late_is_told_what_it_missed() -> None:
    column = filled(CAPACITY * 2)
    got: list[float] = []
    missed = column.send_to(lambda steps, values: got.extend(values))
    assert missed + len(got) == CAPACITY * 2
    assert missed > 0


def test_what_is_added_while_another_thread_settles_is_not_lost() -> None:
    column, got = Column(), []
    column.send_to(lambda steps, values: got.extend(zip(steps, values, strict=True)))
    add_step, add_value = column.steps.append, column.values.append
    done = threading.Event()

    def settle() -> None:
        while not done.is_set():
            column.settle()

    thread = threading.Thread(target=settle)
    thread.start()
    for step in range(100_000):
        add_step(step)
        add_value(step / 2)
    done.set()
    thread.join()
    column.settle()
    assert got == [(step, step / 2) for step in range(100_000)]


def test_a_signal_that_comes_while_settling_sees_the_column_as_it_was() -> None:
    column = filled(3)
    seen: list[float | None] = []
    column.sink = lambda steps, values: seen.append(column.last)
    column.add(3, 7.0)
    assert column.last == 7.0
    assert len(seen) == 1
