"""What a recurrent cell is given as its state."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from osler.runtime.cell_states import is_detached, is_one_step, same, tensors


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


def test_a_detached_state_is_an_earlier_one_without_its_graph() -> None:
    state = torch.randn(2, 5)
    assert is_detached([state.clone()], [[torch.randn(2, 5)], [state]])
    assert not is_detached([state.clone().requires_grad_()], [[state]])
    assert not is_detached([state, state], [[state]])
    assert not is_detached([state], [])
    assert not is_detached([], [[]])


def test_finds_the_tensors_of_a_state() -> None:
    hidden, cell = torch.zeros(2, 5), torch.ones(2, 5)
    assert tensors((hidden, [cell, None])) == [hidden, cell]
    assert [t.shape for t in tensors(pack_sequence([torch.zeros(4, 3)]))] == [(4, 3)]
