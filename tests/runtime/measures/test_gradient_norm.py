"""Norms of what the optimizer stepped on."""

import torch
from torch import nn

from osler.runtime.measures import Moment, gradient_norm

torch.set_num_threads(1)


def test_each_parameter_and_all_of_them() -> None:
    first, second, idle = (nn.Parameter(torch.ones(2)) for _ in range(3))
    first.grad, second.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 12.0])
    names = {id(first): "first", id(second): "second", id(idle): "idle"}
    optimizer = torch.optim.SGD([{"params": [first, idle]}, {"params": [second]}], lr=0.1)
    found = gradient_norm.take(Moment(optimizer=optimizer, name_of=lambda p: names[id(p)]))
    assert found is not None
    assert found.subjects == ("", "first", "second")
    assert found.values.tolist() == [13.0, 5.0, 12.0]


def test_nothing_without_gradients_or_an_optimizer() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1)
    assert gradient_norm.take(Moment(optimizer=optimizer)) is None
    assert gradient_norm.take(Moment()) is None
