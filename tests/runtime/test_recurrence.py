# pyright: reportPrivateUsage=false

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from osler.model import Run
from osler.runtime.recurrence import LOOKS, MOST, Recurrence, is_one_step, reached, same


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


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.GRU(3, 5), (1, 2, 3), True),
        (nn.GRU(3, 5), (2, 1, 3), False),
        (nn.GRU(3, 5, batch_first=True), (2, 1, 3), True),
        (nn.GRU(3, 5, batch_first=True), (1, 3), True),
        (nn.LSTM(3, 5), (4, 3), False),
        (nn.LSTMCell(3, 5), (4, 3), True),
    ],
)
def test_knows_a_single_step(layer: nn.Module, shape: tuple[int, ...], expected: bool) -> None:
    assert is_one_step(layer, torch.zeros(shape)) == expected


def test_knows_a_single_step_of_packed_sequences() -> None:
    assert is_one_step(nn.GRU(3, 5), pack_sequence([torch.zeros(1, 3)]))
    assert not is_one_step(nn.GRU(3, 5), pack_sequence([torch.zeros(4, 3)]))


def test_tells_a_state_from_a_new_one() -> None:
    state = torch.randn(2, 5)
    assert same(state[None], state)
    assert same(state.clone(), state)
    assert not same(state + 1, state)
    assert not same(state.double(), state)
    assert not same(torch.zeros(2, 5), torch.zeros(2, 5))


def test_walks_no_further_back_than_it_is_asked_to() -> None:
    first = torch.ones((), requires_grad=True).exp()
    second = first.sin()
    assert first.grad_fn is not None
    assert second.grad_fn is not None
    numbers = {node._sequence_nr() for node in (first.grad_fn, second.grad_fn)}
    assert reached([second.grad_fn], min(numbers)) >= numbers
    assert reached([second.grad_fn], max(numbers)).isdisjoint({min(numbers)})
