"""Lines of a graph's operations, and what networks are called."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model import FollowFact, GraphFact, UnmovedNormFact
from osler.model.lossfacts import is_stray, size_of
from osler.testing import place

PLACES = tuple(place(n) for n in (11, 12, 13))


@given(st.dictionaries(st.integers(0, 30), st.integers(0, 2), max_size=12))
@settings(max_examples=40, deadline=None)
def test_each_operation_has_the_line_that_called_it(called: dict[int, int]) -> None:
    graph = GraphFact((), ("AddBackward0",) * 31, (), (), places=PLACES, called=tuple(called.items()))
    for position in range(31):
        line = graph.place(position)
        assert (PLACES.index(line) if line else None) == called.get(position)


@pytest.mark.parametrize(
    ("part", "leader_part", "names"),
    [("", "", ("Net", "Teacher")), ("body", "", ("body", "Teacher")), ("", "ema.net", ("Net", "ema.net"))],
)
def test_a_network_is_called_by_its_part_or_by_its_model(
    part: str, leader_part: str, names: tuple[str, str]
) -> None:
    follow = FollowFact("Net", part, "Teacher", leader_part, 1.0)
    norm = UnmovedNormFact("Net", part, "Teacher", leader_part, (), ("bn",))
    assert (follow.name, follow.leader_name) == (norm.name, norm.leader_name) == names


def test_one_that_learns_itself_follows_nobody() -> None:
    assert UnmovedNormFact("Net", "", "", "", (), ("bn",)).leader_name == ""


SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)


@given(SHAPES, st.permutations(range(4)))
@settings(max_examples=40, deadline=None)
def test_the_order_of_axes_does_not_change_how_many_entries_there_are(
    shape: tuple[int, ...], order: list[int]
) -> None:
    turned = tuple(shape[n] for n in order if n < len(shape))
    assert size_of(turned) == size_of(shape)


@given(SHAPES)
@settings(max_examples=40, deadline=None)
def test_a_tensor_never_meets_itself_by_accident(shape: tuple[int, ...]) -> None:
    assert not is_stray(shape, shape, shape)
