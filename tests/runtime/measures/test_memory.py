"""Bytes in use."""

from pathlib import Path

import pytest
import torch
from torch import nn

from osler.runtime.measures import Moment, memory


def test_resident_memory_of_the_process() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=0.1)
    taken = memory.take(Moment(optimizer=optimizer))
    assert taken is not None
    assert 50e6 < taken < 50e9


def test_it_follows_what_is_allocated() -> None:
    before = memory.take(Moment())
    ballast = torch.ones(32, 1024, 1024)
    after = memory.take(Moment())
    assert before is not None
    assert after is not None
    assert after - before > 0.9 * ballast.numel() * 4


def test_nothing_where_the_system_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "STATM", Path("/nowhere/statm"))
    assert memory.take(Moment()) is None
