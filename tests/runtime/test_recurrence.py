# pyright: reportPrivateUsage=false

import torch
from torch import Tensor, nn

from osler.model import Run
from osler.runtime.recurrence import LOOKS, MOST, Recurrence, reached


def step(watch: Recurrence, cell: nn.GRUCell, state: Tensor | None) -> Tensor:
    x = torch.randn(2, 3)
    output = cell(x, state)
    watch.called(cell, "Net", "Net.cell", (x, state), output, ())
    return output


def unroll(watch: Recurrence, cell: nn.GRUCell, steps: int = 4, *, cut: bool = True) -> Tensor:
    state, total = None, torch.zeros(())
    for _ in range(steps):
        state = step(watch, cell, state.detach() if cut and state is not None else state)
        total = total + state.sum()
    return total


def test_counts_the_calls_that_lie_behind_the_loss() -> None:
    run = Run()
    watch, cell = Recurrence(run), nn.GRUCell(3, 5)
    for number in range(1, LOOKS + 3):
        wants_a_place = watch.backward(unroll(watch, cell))
        fact = run.detached_states["Net.cell"]
        assert (fact.kind, fact.detached, fact.calls) == ("GRUCell", 3, 4)
        assert fact.backwards == min(number, LOOKS)
        assert wants_a_place == (number <= LOOKS)
        assert watch.is_done(cell) == (number >= LOOKS)
        assert watch.wants("Net") == (number < LOOKS)


def test_never_looks_again_at_a_cell_through_which_gradients_flow() -> None:
    run = Run()
    watch, cell = Recurrence(run), nn.GRUCell(3, 5)
    watch.backward(unroll(watch, cell))
    assert run.detached_states
    watch.backward(unroll(watch, cell, cut=False))
    assert not run.detached_states
    assert watch.is_done(cell)
    watch.backward(unroll(watch, cell))
    assert not run.detached_states


def test_gives_up_where_no_backward_comes() -> None:
    run = Run()
    watch, cell = Recurrence(run), nn.GRUCell(3, 5)
    watch.backward(unroll(watch, cell, MOST + 2))
    assert watch.is_done(cell)
    assert not run.detached_states


def test_passes_over_calls_that_no_loss_goes_through() -> None:
    run = Run()
    watch, cell = Recurrence(run), nn.GRUCell(3, 5)
    unroll(watch, cell)
    watch.backward(unroll(Recurrence(Run()), cell))
    unroll(watch, cell)
    watch.forget()
    watch.backward(torch.ones((), requires_grad=True))
    assert not run.detached_states


def test_walks_no_further_back_than_it_is_asked_to() -> None:
    first = torch.ones((), requires_grad=True).exp()
    second = first.sin()
    assert first.grad_fn is not None
    assert second.grad_fn is not None
    numbers = {node._sequence_nr() for node in (first.grad_fn, second.grad_fn)}
    assert reached([second.grad_fn], min(numbers)) >= numbers
    assert reached([second.grad_fn], max(numbers)).isdisjoint({min(numbers)})
