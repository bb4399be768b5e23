"""Lines that may mean `norm`, a part of the class `Small`."""

from pathlib import Path

import pytest

from osler.static.mentions import mentions
from osler.static.sources import parse
from osler.static.values import Class


def means(text: str) -> bool:
    source = parse(Path("/home/user/train.py"), text.encode())
    small = Class("Small", source, (1, 0), ())
    return mentions(source, "norm", [small], [small])


@pytest.mark.parametrize(
    "text",
    [
        "net.norm(x)\nnet()",
        "small().norm",
        "net.eval()\nkeep = net.norm",
        "net.norm.weight",
        "class Small:\n    def forward(self, x):\n        return self.norm(x)",
        "class Wide(Small):\n    def forward(self, x):\n        return self.norm(x)",
        "def forward(self, x):\n    return self.norm(x)",
        "class Small:\n    def late(self):\n        self.norm = None",
        "name = 'norm'",
        "getattr(net, 'no' + kind)",
        "getattr(net, f'norm{n}')\nname = 'no%s'",
        "net.norm(",
    ],
)
def test_may_mean_it(text: str) -> None:
    assert means(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "norm(x)",
        "net.normal(x)",
        "import torch\ntorch.norm(x)",
        "from torch import linalg\nlinalg.norm(x)",
        "args.norm",
        "class Apart:\n    def forward(self, x):\n        return self.norm(x)",
        "class Small:\n    def __init__(self):\n        self.norm = LayerNorm(4)",
        "class Small:\n    def __init__(self):\n        self.norm.weight.fill_(1)",
        "nn.init.ones_(net.norm.weight)",
        "name = 'no' + kind",
        "name = 'normal'",
    ],
)
def test_means_something_else(text: str) -> None:
    assert not means(text)
