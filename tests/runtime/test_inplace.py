"""Statements that change a tensor in place, found when a backward has failed."""

import ast

import pytest
import torch
from torch import nn

from osler.runtime.inplace import changed_by
from osler.session import watch


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("x += 1", "x"),
        ("x[0] = 1", "x"),
        ("x[mask] *= 2", "x"),
        ("x.clamp_(0)", "x"),
        ("F.relu(x, inplace=True)", "x"),
        ("x = x + 1", ""),
        ("x.clamp(0)", ""),
        ("x.requires_grad_()", ""),
        ("x.__len__()", ""),
        ("F.relu(x, inplace=False)", ""),
        ("self.count += 1", ""),
    ],
)
def test_what_a_statement_changes(code: str, name: str) -> None:
    (statement,) = ast.parse(code).body
    node = statement.value if isinstance(statement, ast.Expr) else statement
    assert changed_by(node) == name


class Shifted(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        y = self.layer(x).exp()
        y += 1
        return y


def failed(model, change=lambda y: y):
    with watch(quiet=True) as session:
        for _ in range(2):
            y = model(torch.randn(4, 3))
            change(y)
            with pytest.raises(RuntimeError, match="inplace"):
                y.sum().backward()
    assert session.watcher.guard.failures == []
    return session.run.in_place


class Scored(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 4)

    def forward(self, x):
        return self.head(x).log_softmax(1)


def test_names_of_several_words_are_spelled_as_users_write_them() -> None:
    assert failed(Scored(), lambda y: y.mul_(2)).made_by == "log_softmax"


def test_in_a_forward_of_the_users() -> None:
    fact = failed(Shifted())
    assert fact.made_by == "exp"
    ((place,),) = fact.sites
    assert place.function == "forward"


def test_beside_the_backward() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid())
    with watch(quiet=True) as session:
        y = model(torch.randn(4, 3))
        y[0] = 0
        with pytest.raises(RuntimeError, match="inplace"):
            y.sum().backward()
    ((place,),) = session.run.in_place.sites
    assert place.function == "test_beside_the_backward"


def test_other_failures_are_none_of_its_business() -> None:
    model = nn.Linear(3, 2)
    with watch(quiet=True) as session:
        loss = model(torch.randn(4, 3)).exp().sum()
        loss.backward()
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()
    assert session.run.in_place is None
