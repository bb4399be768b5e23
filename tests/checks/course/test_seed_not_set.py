from pathlib import Path

import pytest

from osler.checks.course.seed_not_set import check
from osler.engine.linting import lint_sources
from osler.static.sources import parse
from osler.testing import EXAMPLE, read

TRAIN = """
for x, y in loader:
    optimizer.zero_grad()
    loss_fn(model(x), y).backward()
    optimizer.step()
"""

SCRIPT = """import torch
from torch import nn
from torch.utils.data import DataLoader
{first}
model = nn.Sequential(nn.Linear(8, 8), {layer}, nn.Linear(8, 4))
{then}
loader = DataLoader(data, batch_size=4{options})
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
loss_fn = nn.CrossEntropyLoss()
"""


def messages(first: str = "", then: str = "", layer: str = "nn.ReLU()", options: str = "") -> list[str]:
    script = SCRIPT.format(first=first, then=then, layer=layer, options=options)
    source = parse(Path(EXAMPLE), f"{script}{TRAIN}".encode())
    return [f.message for f in lint_sources([source], [check]).diagnosis.findings]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            "import numpy as np\nx = np.random.randn(3)",
            "never seeded: numpy, which draws `randn` in line 34.",
        ),
        (
            "import random\na = random.random()\nb = random.choice([1])\nc = random.gauss(0, 1)\n"
            "random.shuffle(d)\ne = random.uniform(0, 1)",
            "never seeded: random, which draws `random` in line 34, `choice` in line 35, `gauss` in line 36 "
            "and in 2 more lines.",
        ),
    ],
)
def test_says_what_was_seen(lines: str, message: str) -> None:
    assert [f.message for f in read(lines + TRAIN, [check]).findings] == [message]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "never seeded: torch, which draws the weights."),
        (
            {"options": ", shuffle=True"},
            "never seeded: torch, which draws the weights and the order of the samples.",
        ),
        (
            {"options": ", shuffle=True", "layer": "nn.Dropout(0.1)"},
            "never seeded: torch, which draws the weights, the order of the samples and dropout.",
        ),
        (
            {"first": "import random\nx = random.gauss(0, 1)"},
            "never seeded: torch, which draws the weights; random, which draws `gauss` in line 5.",
        ),
        ({"then": "torch.manual_seed(0)"}, "torch is seeded after line 5 has drawn weights."),
    ],
)
def test_torch(arguments: dict[str, str], message: str) -> None:
    assert messages(**arguments) == [message]


@pytest.mark.parametrize(
    "first",
    [
        "torch.manual_seed(0)",
        "torch.cuda.manual_seed_all(0)",
        "from transformers import set_seed\nset_seed(1)",
        "import lightning as L\nL.seed_everything(1)",
        "g = torch.Generator().manual_seed(0)",
        "def seed_all():\n    torch.manual_seed(0)\nseed_all()",
        "for trial in range(3):\n    torch.manual_seed(trial)",
    ],
)
def test_seeded_in_time(first: str) -> None:
    assert messages(first) == []


def test_seeding_twice_is_judged_by_the_first() -> None:
    assert messages("torch.manual_seed(0)", "torch.manual_seed(1)") == []


def test_is_silent_without_training() -> None:
    assert not read("print(model)", [check]).findings
