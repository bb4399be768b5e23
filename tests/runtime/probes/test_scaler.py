"""`GradScaler` on the CPU: enabled, disabled, with and without `unscale_`."""

import pytest
import torch
from torch import nn
from torch.amp import GradScaler


def trained(scaler, unscale, factor=1.0):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(torch.randn(4, 3)).float().sum() * factor
        scaler.scale(loss).backward()
        if unscale:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()


BACKWARD = "clear SGD, forward Linear grad, backward, used Linear grad"


@pytest.mark.parametrize("unscale", [False, True])
def test_enabled(session, turns, unscale):
    with session:
        trained(GradScaler("cpu"), unscale)
    middle = "unscale SGD, scaler-step SGD" if unscale else "scaler-step SGD, unscale SGD"
    assert turns() == [f"3: {BACKWARD}, {middle}, step SGD fresh"]
    assert session.run.context.scaler


@pytest.mark.parametrize("unscale", [False, True])
def test_disabled_is_not_mentioned(session, turns, unscale):
    with session:
        trained(GradScaler("cpu", enabled=False), unscale)
    assert turns() == [f"3: {BACKWARD}, step SGD fresh"]
    assert not session.run.context.scaler


def test_a_step_that_is_skipped_is_none(session, turns):
    with session:
        trained(GradScaler("cpu"), True, float("inf"))
    assert session.run.steps == 0
    assert all("step SGD" not in t.replace("scaler-step SGD", "") for t in turns())
    assert session.run.not_finite == {}
