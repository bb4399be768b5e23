"""What is known of a model's parts, and of the graph behind a loss."""

from dataclasses import FrozenInstanceError, replace

import pytest

from osler.model import GraphFact, ModuleFact
from osler.store.codec import decode, encode
from osler.testing import place

FC1 = ModuleFact("fc1", "Net", "Linear", 40, 0, ((16, 8),), ((16, 4),), (place(11), place(30)))
GRAPH = GraphFact(
    (place(13),),
    ("NllLossBackward0", "AddmmBackward0", "AccumulateGrad"),
    ((0, 1), (1, 2)),
    ((2, "fc1.bias"),),
)


def test_a_part_that_was_never_called_has_no_place_in_the_order() -> None:
    unused = ModuleFact("head", "Net", "Linear", 40)
    assert (unused.order, unused.inputs, unused.outputs, unused.site) == (-1, (), (), ())
    assert FC1.order == 0, "the first that was called is not taken for one that was not"


def test_a_graph_is_whole_unless_it_says_otherwise() -> None:
    assert GRAPH.complete
    assert not replace(GRAPH, complete=False).complete


@pytest.mark.parametrize("fact", [FC1, GRAPH])
def test_facts_do_not_change_once_they_are_told(fact: ModuleFact | GraphFact) -> None:
    with pytest.raises(FrozenInstanceError):
        fact.site = ()


@pytest.mark.parametrize(
    "fact", [FC1, ModuleFact("", "Net", "Net", 0), GRAPH, replace(GRAPH, complete=False)]
)
def test_a_stored_fact_is_the_same_fact(fact: ModuleFact | GraphFact) -> None:
    """Shapes, edges and names come back as tuples: a fact may be a key."""
    again = decode(type(fact), encode(fact))
    assert again == fact
    assert hash(again) == hash(fact)
