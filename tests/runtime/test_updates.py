"""Whether steps change the weights: at first and at powers of two."""

import pytest
import torch
from torch import nn

from osler.session import watch


def looked(optimizer_of, steps=9, loss=lambda y: y.square().mean(), dtype=torch.float32):
    torch.manual_seed(0)
    model = nn.Linear(3, 2).to(dtype)
    with watch(quiet=True) as session:
        optimizer = optimizer_of(model.parameters())
        for _ in range(steps):
            optimizer.zero_grad()
            loss(model(torch.randn(4, 3, dtype=dtype))).backward()
            optimizer.step()
    assert session.watcher.guard.failures == []
    return {name: (f.looks, f.absent, f.rate) for name, f in session.run.updates.items()}


def test_first_steps_and_powers_of_two():
    assert looked(lambda p: torch.optim.SGD(p, lr=0.1)) == {"SGD": (5, 0, 0.0)}


@pytest.mark.parametrize("rate", [0.0, 1e-20])
def test_nothing_changes(rate):
    assert looked(lambda p: torch.optim.SGD(p, lr=rate)) == {"SGD": (5, 5, rate)}


def test_gradients_that_are_zero_say_nothing():
    assert looked(lambda p: torch.optim.SGD(p, lr=0.1), loss=lambda y: (y * 0).sum()) == {}


def test_weights_of_half_width_lose_updates_for_another_reason():
    assert looked(lambda p: torch.optim.SGD(p, lr=1e-9), dtype=torch.bfloat16) == {}


def test_a_skipped_step_is_none():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu")
    with watch(quiet=True) as session:
        for _ in range(4):
            optimizer.zero_grad()
            scaler.scale(model(torch.randn(4, 3)).sum() * float("inf")).backward()
            scaler.step(optimizer)
            scaler.update()
    assert session.run.updates == {}
