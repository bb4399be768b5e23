"""Changes of parameters that show in nothing but their values."""

import torch
from torch import nn

from osler.runtime.copies import COPYABLE, copied, unchanged


def test_sees_what_a_hand_changes_by_data() -> None:
    parameters = [nn.Parameter(torch.ones(9)), nn.Parameter(torch.ones(3))]
    copy = copied(parameters)
    assert copy is not None
    assert not copy.requires_grad
    assert unchanged(parameters, copy)
    parameters[0].data.add_(1)
    assert unchanged(parameters, copy), "only the smallest is looked at"
    parameters[1].data.add_(1)
    assert not unchanged(parameters, copy)


def test_another_shape_is_a_change() -> None:
    assert not unchanged([torch.ones(1, 3)], torch.ones(3))


def test_copies_nothing_large_and_nothing_of_nothing() -> None:
    assert copied([torch.ones(COPYABLE)]) is not None
    assert copied([torch.ones(COPYABLE + 1)]) is None
    assert copied([]) is None
