"""Measures are named after their modules; columns grow."""

from array import array

from osler.model import Column, Measure


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
