"""Which graphs hold those of earlier backward calls; the numbers of the nodes are autograd's own."""

import sys

import torch
from torch import Tensor, nn

from osler.model import Place, Run
from osler.runtime.growth import Growth, assigned, numbered, variables

SITE = (Place("train.py", 3),)
WEIGHT = torch.ones(3, requires_grad=True)
LOOKS = (1, 2, 3, 4, 8, 16)


def looks(roots: list[Tensor]) -> Run:
    run = Run()
    growth = Growth(run)
    for calls, root in zip(LOOKS, roots, strict=False):
        growth.look(root, SITE, calls, None, [])
    return run


def carried(count: int) -> list[Tensor]:
    state, roots = torch.zeros(3), []
    for _ in range(count):
        state = (state + WEIGHT).tanh()
        roots.append(state.sum())
    return roots


def test_a_state_that_goes_on_is_found_at_the_fifth_look() -> None:
    assert not looks(carried(4)).growing
    fact = looks(carried(5)).growing[SITE]
    assert (fact.first, fact.operations, fact.old, fact.calls) == (3, 11, 8, 8)


def test_a_graph_that_starts_anew_is_not() -> None:
    assert not looks([carried(n + 1)[-1] for n in range(6)]).growing


def test_a_part_that_all_calls_share_is_not() -> None:
    shared = (WEIGHT * 2).tanh()
    assert not looks([(shared * WEIGHT).sum() for _ in range(6)]).growing


def test_a_root_without_history_is_passed_over() -> None:
    assert not looks([torch.ones(()) for _ in range(6)]).growing


def test_once_found_it_stays_known() -> None:
    run = looks([*carried(5), WEIGHT.sum()])
    assert SITE in run.growing


def test_numbers_are_those_of_operations_and_of_the_way_in() -> None:
    first = (WEIGHT * 2).sum()
    limit = first.grad_fn._sequence_nr()
    second = (first + WEIGHT).sum()
    numbers, entries = numbered(second.grad_fn, limit)
    assert len(numbers) == 4
    assert entries == {limit}


def test_variables_are_named_with_their_line() -> None:
    state = (WEIGHT * 2, WEIGHT * 3)
    named = variables(sys._getframe(), [])
    assert len(named) == len(state)
    assert {name for name, _ in named.values()} == {"state"}
    ((place,), *_) = [site for _, site in named.values()]
    assert place.function == "test_variables_are_named_with_their_line"


class Holding(nn.Module):
    def forward(self, x):
        self.level = x * WEIGHT
        return self.level


def test_attributes_of_models_are_named_as_forward_writes_them() -> None:
    model = Holding()
    model(torch.ones(3))
    ((name, (place,)),) = variables(None, [model]).values()
    assert (name, place.function) == ("self.level", "forward")


def carry(x):
    level = None
    level, other = x, 0
    level = level.detach()
    return level, other


def test_the_line_that_matters_neither_detaches_nor_empties() -> None:
    (place,) = assigned(carry.__code__, "level")
    assert place.line == carry.__code__.co_firstlineno + 2
    assert assigned(carry.__code__, "unknown") == ()
    assert assigned(None, "level") == ()
