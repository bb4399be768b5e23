"""Files that need not be followed."""

from pathlib import Path

import pytest

from osler.static.memory.candidates import is_worth_following
from osler.static.sources import parse


def asked(text: str) -> bool:
    return is_worth_following([parse(Path("/home/user/train.py"), text.encode())])


ENV = "class E:\n    def step(self, a):\n        {}\n        return {}"


@pytest.mark.parametrize(
    "text",
    [
        ENV.format("self.x[0] += a", "self.x"),
        ENV.format("self.x[:] = a", "self.x, 1.0"),
        ENV.format("self.x.add_(a)", "torch.from_numpy(self.x)"),
        ENV.format("np.copyto(self.x, a)", "self.x"),
        ENV.format("o = self.x; o.fill(0)", "o"),
        ENV.format("self.x = np.zeros(4); self.x += a", "self.x"),
        "total = np.zeros(3)\nfor x in xs:\n    total += x\n    curve.append(total)",
        "import torch.optim\nkept.append(net.fc.weight.data)",
        "import torch.optim\nkept.append([p.data for p in net.parameters()])",
    ],
)
def test_something_may_be_kept(text: str) -> None:
    assert asked(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ENV.format("self.t += 1", "self.t + 1"),
        ENV.format("self.x[0] += a", "self.x.copy()"),
        ENV.format("self.x[0] += a", "self.y"),
        "total = 0.0\nfor x in xs:\n    total += x\n    curve.append(total)",
        "total = np.zeros(3)\nfor x in xs:\n    total += x\n    curve.append(total / 2)",
        "kept.append(net.fc.weight.data)",
    ],
)
def test_nothing_is_kept(text: str) -> None:
    assert not asked(text)
