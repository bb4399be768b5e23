"""The sign of a loss in what a backward starts from."""

import pytest
import torch
import torch.nn.functional as F

from osler.runtime.loss_signs import terms

X = torch.randn(6, 3, requires_grad=True)
Y = torch.tensor([0, 1, 2, 0, 1, 2])
BINARY = ("binary_cross_entropy_with_logits",)
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
        (lambda: F.cross_entropy(X, Y) * float("nan"), (), ()),
        (lambda: F.cross_entropy(X, Y) / float("nan"), (), ()),
        (lambda: F.cross_entropy(X, Y) * float("-inf"), (), ()),
        (lambda: F.cross_entropy(X, Y).exp(), (), ()),
        (lambda: X.sum(), (), ()),
        (lambda: -F.mse_loss(X, -X), (), ()),
        (lambda: F.cross_entropy(X, Y) - F.mse_loss(X, X**2), ("cross_entropy",), ()),
        (lambda: -torch.distributions.Bernoulli(logits=X).entropy().mean(), (), ()),
        (lambda: -torch.distributions.Bernoulli(logits=X).log_prob(torch.ones(6, 3)).mean(), BINARY, ()),
    ],
)
def test_which_way_a_loss_goes(make, up: tuple[str, ...], down: tuple[str, ...]) -> None:
    found = terms(make())
    assert (tuple(found.rising), tuple(found.falling)) == (up, down)


@pytest.mark.parametrize(
    ("make", "averages"),
    [
        (lambda: F.cross_entropy(X, Y), [("cross_entropy", 1.0)]),
        (lambda: F.cross_entropy(X, Y) / 4, [("cross_entropy", 0.25)]),
        (lambda: 0.5 * F.cross_entropy(X, Y) * 0.5, [("cross_entropy", 0.25)]),
        (lambda: F.mse_loss(X, X.detach(), reduction="none").mean(), [("mse_loss", 1.0)]),
        (lambda: F.cross_entropy(X, Y) + F.mse_loss(X, -X) / 2, [("cross_entropy", 1.0), ("mse_loss", 0.5)]),
        (lambda: F.cross_entropy(X, Y, torch.ones(3)), [("cross_entropy, weighted", 1.0)]),
        (lambda: F.cross_entropy(X, Y, reduction="sum"), []),
        (lambda: F.cross_entropy(X, Y, reduction="sum") / 6, []),
        (lambda: F.mse_loss(X, X.detach(), reduction="none").sum(), []),
        (lambda: torch.stack([F.cross_entropy(X, Y), F.cross_entropy(-X, Y)]).mean(), []),
        (lambda: F.cross_entropy(X, Y) * WEIGHT, []),
        (lambda: 1 / F.cross_entropy(X, Y), []),
    ],
)
def test_which_losses_are_means(make, averages: list[tuple[str, float]]) -> None:
    assert sorted(terms(make()).averages) == averages


def test_a_graph_that_was_freed_says_nothing() -> None:
    part = WEIGHT * F.cross_entropy(X, Y)
    part.backward()
    found = terms(part + 1)
    assert (found.rising, found.falling) == ({}, {})
