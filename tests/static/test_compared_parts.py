"""Which part of a batch a loss compares with what the model makes of another."""

from pathlib import Path

import pytest

from osler.static.compared_parts import compared_parts, is_compared
from osler.static.project import project
from osler.static.queries import trainings
from osler.static.reader import read_code
from osler.static.sources import parse

PROGRAM = """
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
{more}
model = nn.Linear(4, 4)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loader = DataLoader(data)
for {target} in {over}:
    {body}
    loss.backward()
    optimizer.step()
"""


def read(body: str, target: str = "x, y", over: str = "loader", more: str = ""):
    text = PROGRAM.format(body=body.replace("\n", "\n    "), target=target, over=over, more=more)
    source = parse(Path("/home/user/train.py"), text.encode())
    ((loader, loop, _),) = trainings(read_code([source], project([source])))
    return [source], loop, loader


@pytest.mark.parametrize(
    "given",
    [
        ("loss = F.mse_loss(model(x), y)",),
        ("out = model(x.to('cpu'))\ny = y.float()\nloss = F.mse_loss(out.sigmoid(), y)",),
        ("loss = ((model(x) - y) ** 2).mean()",),
        ("x, y = batch\nloss = F.mse_loss(model(x), y)", "batch"),
        ("loss = F.mse_loss(model(batch[0]), batch[1])", "batch"),
        ("loss = F.mse_loss(model(x), y)", "n, (x, y)", "enumerate(loader)"),
        ("x, y = x.cuda(), y.cuda()\nwith autocast():\n    loss = F.l1_loss(model(x), y)",),
        (
            "loss = own(model(x), y)",
            "x, y",
            "loader",
            "def own(a, b):\n    d = a - b\n    return d.mean()",
        ),
        ("loss = 0\nloss += F.mse_loss(model(x), target=y)",),
    ],
)
def test_the_other_part(given: tuple[str, ...]) -> None:
    sources, loop, _ = read(*given)
    assert compared_parts(sources, loop) == {(0, 1)}


@pytest.mark.parametrize(
    "body",
    [
        "loss = F.mse_loss(model(x), model(y))",
        "loss = F.mse_loss(model(x).mean(), y.mean())",
        "loss = F.mse_loss(model(x + y), y)",
        "loss = F.mse_loss(model(x), features(y))",
        "loss = elsewhere(model(x), y)",
        "loss = model(x).sum()",
    ],
)
def test_nothing_is_compared(body: str) -> None:
    sources, loop, loader = read(body)
    assert compared_parts(sources, loop) == set()
    assert not is_compared(sources, loop, loader)


def test_the_input_itself() -> None:
    sources, loop, _ = read("loss = F.mse_loss(model(x), x)")
    assert compared_parts(sources, loop) == {(0, 0)}


@pytest.mark.parametrize(
    ("inside", "compared"),
    [
        ("return F.mse_loss(model(a), b)", True),
        ("b = b.float()\n    return F.mse_loss(model(a), b)", True),
        ("return F.mse_loss(model(a), a)", False),
        ("b = b.mean()\n    return F.mse_loss(model(a), b)", False),
        ("return F.mse_loss(model(a), model(b))", False),
    ],
)
def test_in_a_function_that_the_loop_calls(inside: str, compared: bool) -> None:
    sources, loop, loader = read("loss = step(x, y)", more=f"def step(a, b):\n    {inside}")
    assert is_compared(sources, loop, loader) is compared
