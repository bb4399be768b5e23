"""What pre-flight remembers of the first turn is let go of: no graph and no copy of the model outlives it."""

import gc
import sys
import weakref

import pytest
import torch
from torch import nn

from osler.replay.loop import LoopState
from osler.replay.snapshot import Snapshot
from osler.testing import try_out

PLAY = """
def play():
    guesses, truths = [], []
    for _ in range(6):
        x = torch.randn(8, 8)
        guesses.append(model(x))
        truths.append(x[:, :4].argmax(1))
    return torch.stack(guesses), torch.stack(truths)


def turn():
    guesses, truths = play()
    optimizer.zero_grad()
    loss = loss_fn(guesses.flatten(0, 1), truths.flatten())
    loss.backward()
    optimizer.step()


gc.disable()
for _ in range(120):
    turn()
"""
TAKING_TURNS = """
def first(x):
    return model(x)


def second(x):
    return model(x.flip(0))


def play(turn):
    made = [first(torch.randn(8, 8)) for _ in range(3)]
    return torch.cat([*made, second(torch.randn(8, 8))]).mean()


gc.disable()
for turn in range(40):
    optimizer.zero_grad()
    loss = play(turn).square()
    loss.backward()
    optimizer.step()
"""
AHEAD = """
blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(20))
optimizer = torch.optim.SGD(blocks.parameters(), lr=0.01)


def through(x):
    total = 0.0
    for block in blocks:
        x = block(x)
        total = total + x.mean()
    return total


through(torch.randn(32, 8))
for _ in range(60):
    loss = through(torch.randn(8, 8)).square()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    "code", [PLAY, TAKING_TURNS, AHEAD], ids=["in a function", "at two lines", "a call ahead of the loop"]
)
def test_no_graph_outlives_its_turn(code: str) -> None:
    """With the collector off, what refers to itself would stay."""
    try:
        diagnosis = try_out("import gc\n" + code, "connectivity")
    finally:
        gc.enable()
    assert [f.check for f in diagnosis.findings if f.check.startswith("graph-")] == []


def test_a_snapshot_that_was_let_go_of_keeps_nothing() -> None:
    model = nn.Linear(3, 2)
    kept = [torch.ones(4)]

    def loop() -> Snapshot:
        own = kept
        snapshot = Snapshot([model], LoopState(sys._getframe(), lambda f: f.f_code.co_name == "loop"))
        assert own is kept
        return snapshot

    snapshot = loop()
    assert snapshot.elements
    assert list(snapshot.loop.values())
    tensor = weakref.ref(kept[0])
    kept.clear()
    snapshot.release()
    assert tensor() is None
    assert list(snapshot.loop.values()) == []
    assert snapshot.elements == 0
    snapshot.restore()  # of nothing
