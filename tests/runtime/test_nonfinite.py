"""Where NaN began: in weights, in a module, or outside."""

import math

import torch
from torch import nn

from osler.runtime.nonfinite import Scan, has_odd, odd_value, poisoned
from osler.session import watch


class Log(nn.Module):
    def forward(self, x):
        return torch.log(x)


def test_the_first_module_that_makes_it_of_finite_inputs() -> None:
    log, linear = Log(), nn.Linear(2, 2)
    scan, x = Scan(), torch.zeros(1, 2)
    scan.add(linear, (x,), x, ())
    scan.add(log, (x,), x.log(), ())
    scan.add(linear, (x.log(),), linear(x.log()), ())
    found = scan.first()
    assert found is not None
    assert (found[0], found[1]) == (log, math.inf)


def test_not_a_module_that_was_given_it() -> None:
    scan, x = Scan(), torch.tensor([[math.nan, 1.0]])
    scan.add(Log(), (x,), x.log(), ())
    assert scan.first() is None


def test_not_a_module_whose_weights_hold_it() -> None:
    scan, x, linear = Scan(), torch.zeros(1, 2), nn.Linear(2, 2)
    nn.init.constant_(linear.bias, math.nan)
    scan.add(linear, (x,), linear(x), ())
    assert scan.first() is None


def test_values_are_read_where_there_are_any() -> None:
    assert not has_odd(torch.tensor([1]))
    assert not has_odd(torch.empty(2, device="meta"))
    assert odd_value([torch.ones(2)]) is None
    assert math.isnan(odd_value([torch.tensor([math.nan, math.inf])]) or 0.0)
    assert poisoned([torch.tensor([math.inf]), torch.tensor([math.nan])], lambda _: "w") == ("w",)


def train(loss_of, rows=6, lr=0.1):
    """Facts about a loop whose loss is a function of model and step."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    with watch(quiet=True) as session:
        for step in range(rows):
            optimizer.zero_grad()
            loss_of(model, torch.randn(8, 3), step).backward()
            optimizer.step()
    assert session.watcher.guard.failures == []
    return session.run.not_finite


def test_weights_that_a_nan_gradient_spoiled() -> None:
    def loss_of(model, x, step):
        y = model(x)
        return y.square().mean() + ((y - y).square().sum().sqrt() if step == 3 else 0.0)

    found = train(loss_of)
    assert found["weights"].step == 4
    assert found["weights"].subjects[-1] == "2.bias"


def test_weights_that_were_sound_when_the_loss_broke() -> None:
    found = train(lambda model, x, step: model(x).square().mean() * (math.nan if step == 3 else 1.0))
    assert found["loss"].step == 3
    assert "weights" not in found
    assert "activations" not in found


def test_a_finite_run_leaves_no_trace() -> None:
    assert train(lambda model, x, step: model(x).square().mean()) == {}
