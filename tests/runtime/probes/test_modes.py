"""`train()` and `eval()`: one event for the outermost call, with its line."""

import pytest
import torch
from torch import nn

from osler.model import Kind
from osler.session import watch


def test_the_outermost_call_with_its_line(session, turns, events, line_of, net):
    with session:
        net.eval()
        net.train()
    assert turns() == ["1: mode Sequential eval part, mode Sequential part train"]
    assert [e.place.line for e in events(Kind.MODE)] == [line_of("net.eval()"), line_of("net.train()")]


def test_a_root_and_its_part(session, turns, net):
    with session:
        net(torch.randn(6, 4))
        net.train(False)
        net[1].train()
    assert turns() == ["1: forward Sequential grad train, mode Sequential eval, mode BatchNorm1d part train"]


def test_a_model_that_overrides_train(session, turns):
    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = nn.BatchNorm1d(3), nn.Dropout()

        def train(self, mode=True):
            super().train(mode)
            self.backbone.eval()
            return self

    model = Frozen()
    with session:
        assert model.train() is model
    assert turns() == ["1: mode Frozen part train, mode BatchNorm1d eval part"]


def test_the_attribute_alone_is_no_call(session, turns, net):
    with session:
        net.training = False
    assert turns() == []


def test_a_mistake_raises_its_own_error(session, turns, net):
    with session, pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train("yes")
    with watch(quiet=True) as after:
        net.train()
    assert after.run.patterns
