"""What a loop may do to a network so that it begins anew."""

import ast
from pathlib import Path

import pytest

from osler.model import Network, Place
from osler.static.fold_resets import Reach, is_built, may_be_anew
from osler.static.sources import parse


def anew(code: str, name: str = "net") -> bool:
    """Whether the last statement may exchange the network of this name."""
    source = parse(Path("/folds.py"), code.encode())
    assert source.tree is not None
    reach = Reach([source])
    return may_be_anew(reach, reach.below(source, source.tree.body[-1:]), Network(name))


ANEW = {
    "apply": "net.apply(forget)",
    "a name that says so": "reset_weights(net)",
    "a method that nobody can read": "net.begin()",
    "filled": "nn.init.normal_(net.weight)",
    "another one": "net = copy.deepcopy(base)",
    "a copy of itself": "net = copy.deepcopy(net)",
    "its data": "p.data = q",
    "a part": "net.head = nn.Linear(4, 2)",
    "an item": "net[2] = nn.Linear(4, 2)",
    "one of many": "for net in nets: fit(net)",
    "by a function": "def begin():\n    net.reset_parameters()\nbegin()",
}
AS_IT_WAS = {
    "train mode": "net.train()",
    "a method that can be read": "class Net:\n    def begin(self):\n        print(self)\nnet.begin()",
    "moved": "net = net.to('cpu')",
    "trained by a function": "net, log = fit(net, rows)",
    "kept by an object": "self.net = net",
    "a flag": "net.training_steps = 3",
    "gradients": "p.grad.zero_()",
    "memory": "torch.cuda.reset_peak_memory_stats()",
    "a function of that name that does nothing to it": "def reset(log):\n    log.clear()\nreset(log)",
    "loaded, which is asked for elsewhere": "net.load_state_dict(start)",
}


@pytest.mark.parametrize("code", ANEW.values(), ids=ANEW)
def test_may_be_anew(code: str) -> None:
    assert anew(code)


@pytest.mark.parametrize("code", AS_IT_WAS.values(), ids=AS_IT_WAS)
def test_is_as_it_was(code: str) -> None:
    assert not anew(code)


@pytest.mark.parametrize(
    ("code", "line", "in_display"),
    [
        ("nets = [Net() for _ in range(3)]", 1, True),
        ("def build():\n    return Net()\nnets = {k: build() for k in keys}", 2, True),
        ("net = Net()\nnames = [str(k) for k in keys]", 1, False),
        ("net = nn.Sequential(*[nn.Linear(1, 1) for _ in range(3)])", 2, False),
    ],
)
def test_one_of_several(code: str, line: int, *, in_display: bool) -> None:
    source = parse(Path("/folds.py"), code.encode())
    assert Reach([source]).in_display(Place("/folds.py", line)) == in_display


def test_what_is_built_within_reach() -> None:
    source = parse(Path("/folds.py"), b"def build():\n    return Net()\nnet = build()")
    assert isinstance(source.tree, ast.Module)
    reach = Reach([source])
    assert is_built(reach.below(source, source.tree.body[-1:]), Place("/folds.py", 2))
