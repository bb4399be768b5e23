"""The sign of a loss in what a backward starts from."""

import pytest
import torch
import torch.nn.functional as F

from osler.runtime.loss_signs import signs

X = torch.randn(6, 3, requires_grad=True)
Y = torch.tensor([0, 1, 2, 0, 1, 2])
WEIGHT = torch.tensor(2.0, requires_grad=True)


@pytest.mark.parametrize(
    ("make", "up", "down"),
    [
        (lambda: F.cross_entropy(X, Y), ("cross_entropy",), ()),
        (lambda: -F.cross_entropy(X, Y), (), ("cross_entropy",)),
        (lambda: 3 - F.nll_loss(X, Y), (), ("nll_loss",)),
        (lambda: F.nll_loss(X, Y) - 3, ("nll_loss",), ()),
        (lambda: F.mse_loss(X, X.detach()) / -2, (), ("mse_loss",)),
        (lambda: F.huber_loss(X, X.detach()) - F.mse_loss(X, X.detach()), ("huber_loss",), ("mse_loss",)),
        (lambda: F.cross_entropy(X, Y, reduction="none").sum(), ("cross_entropy",), ()),
        (lambda: F.cross_entropy(X, Y) * WEIGHT, (), ()),
        (lambda: F.cross_entropy(X, Y).exp(), (), ()),
        (lambda: X.sum(), (), ()),
    ],
)
def test_which_way_a_loss_goes(make, up: tuple[str, ...], down: tuple[str, ...]) -> None:
    assert signs(make()) == {1: up, -1: down}


def test_a_graph_that_was_freed_says_nothing() -> None:
    part = WEIGHT * F.cross_entropy(X, Y)
    part.backward()
    assert signs(part + 1) == {1: (), -1: ()}
