"""Norms of the parameters an optimizer holds."""

import torch
from torch import nn

from osler.runtime.measures import Moment, parameter_norm

torch.set_num_threads(1)


def test_each_parameter_and_all_of_them() -> None:
    parameters = [nn.Parameter(torch.tensor([3.0, 4.0])), nn.Parameter(torch.tensor([12.0]))]
    found = parameter_norm.take(Moment(optimizer=torch.optim.SGD(parameters, lr=0.1)))
    assert found is not None
    assert found.subjects == ("", "[0]", "[1]")
    assert found.values.tolist() == [13.0, 5.0, 12.0]


def test_frozen_ones_do_not_count() -> None:
    parameters = [nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(9), requires_grad=False)]
    found = parameter_norm.take(Moment(optimizer=torch.optim.SGD(parameters, lr=0.1)))
    assert found is not None
    assert found.values[0].item() == 2.0
    assert parameter_norm.take(Moment()) is None
