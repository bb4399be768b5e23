"""Lines of a graph's operations."""

from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model import GraphFact
from osler.testing import place

PLACES = tuple(place(n) for n in (11, 12, 13))


@given(st.dictionaries(st.integers(0, 30), st.integers(0, 2), max_size=12))
@settings(max_examples=40, deadline=None)
def test_each_operation_has_the_line_that_called_it(called: dict[int, int]) -> None:
    graph = GraphFact((), ("AddBackward0",) * 31, (), (), places=PLACES, called=tuple(called.items()))
    for position in range(31):
        line = graph.place(position)
        assert (PLACES.index(line) if line else None) == called.get(position)
