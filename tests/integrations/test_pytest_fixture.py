"""A test of a model fails with what was found."""

import pytest
import torch
from torch import nn

from osler.integrations.pytest_fixture import osler as osler


def given(model: nn.Module) -> dict[str, object]:
    torch.manual_seed(0)
    x = torch.randn(16, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    batch = (x, x[:, :4].argmax(1))
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": batch,
        "optimizer": optimizer,
        "quiet": True,
    }


def test_a_healthy_model(osler):
    assert osler.preflight(**given(nn.Linear(8, 4))).experiments


def test_a_blind_model(osler):
    class Blind(nn.Linear):
        def forward(self, x):
            return super().forward(torch.zeros_like(x))

    with pytest.raises(AssertionError, match="error outputs-ignore-inputs: After 5 steps `Blind` gives"):
        osler.preflight(**given(Blind(8, 4)))
