"""Iterators of parameters: what keeps them, what takes all of them, and what only hands them on."""

import pytest

from osler.model import Kind

NET = "net = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 2))\n"
ALL = "iterate {} loop used"
UNSURE = "iterate {} loop perhaps used"


@pytest.fixture
def told(script):
    def follow(text: str) -> list[str]:
        return [line for line in script(NET + text).told if line.startswith(Kind.ITERATE)]

    return follow


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ("list(kept)", "loop"),
        ("sum(p.norm() for p in kept)", "loop"),
        ("[p for p in kept]", "loop"),
        ("dict(enumerate(kept))", "loop"),
        ("[].extend(kept)", "loop"),
        ("for p in kept: print(p)", "loop"),
        ("for i, p in enumerate(kept): print(p)", "loop"),
        ("nn.utils.clip_grad_norm_(kept, 1.0)", "clip"),
        ("nn.utils.clip_grad_value_(kept, clip_value=1.0)", "clip"),
        ("torch.optim.SGD(kept, lr=0.1)", "quiet"),
        ("torch.optim.SGD([{'params': kept}], lr=0.1)", "group"),
        ("getattr(torch.optim, kind)(kept, lr=0.1)", "quiet"),
        ("import bitsandbytes; bitsandbytes.optim.Lion8bit(kept, lr=0.1)", "quiet"),
        ("torch.autograd.grad(net(torch.ones(4)).sum(), kept)", "quiet"),
    ],
)
def test_what_takes_all(told, use: str, words: str) -> None:
    assert told(f"kept = net.parameters()\n{use}") == ["iterate kept made", f"iterate kept {words} used"]


@pytest.mark.parametrize(
    "use",
    [
        "next(kept)",
        "print(kept)",
        "any(p.isnan().any() for p in kept)",
        "import itertools; itertools.islice(kept, 2)",
        "zip([1, 2], kept)",
        "for n, p in zip([1, 2], kept): print(p)",
        "for p in kept:\n    break",
        "for p in kept:\n    if p.dim() > 1:\n        break",
        "def f():\n    for p in kept:\n        return p\nf()",
        "other(lambda: list(kept))",
    ],
)
def test_what_may_leave_some(told, use: str) -> None:
    assert told(f"kept = net.parameters()\n{use}") == ["iterate kept made"]


def test_a_break_of_an_inner_loop_leaves_nothing(told) -> None:
    inner = "for p in kept:\n    for n in range(3):\n        break"
    assert told(f"kept = net.parameters()\n{inner}")[1:] == [ALL.format("kept")]


@pytest.mark.parametrize(
    "made",
    [
        "net.parameters()",
        "net.named_modules()",
        "net[0].buffers()",
        "filter(lambda p: p.requires_grad, net.parameters())",
        "filter(lambda p: p.requires_grad, list(net.parameters()))",
        "map(abs, net.parameters())",
        "(p for p in net.parameters() if p.requires_grad)",
        "iter(net.parameters())",
        "enumerate(net.parameters())",
        "zip(net.parameters(), [1, 2])",
    ],
)
def test_what_is_one(told, made: str) -> None:
    assert told(f"kept = {made}\nlist(kept)") == ["iterate kept made", ALL.format("kept")]


@pytest.mark.parametrize(
    "made",
    [
        "list(net.parameters())",
        "tuple(filter(lambda p: p.requires_grad, net.parameters()))",
        "sorted(net.parameters(), key=len)",
        "[p for p in net.parameters()]",
        "dict(net.named_parameters())",
        "net.state_dict()",
        "iter(DataLoader([1, 2]))",
        "something.parameters()",
        "len(list(net.parameters()))",
    ],
)
def test_what_is_none(told, made: str) -> None:
    assert told(f"kept = {made}\nlist(kept)") == []


def test_what_nothing_keeps_is_not_told(told) -> None:
    assert told("for p in net.parameters(): print(p)\nlist(filter(None, net.parameters()))") == []


def test_an_argument_keeps_it(told) -> None:
    assert told("def f(given): return list(given)\nf(net.parameters())") == [
        "iterate given made",
        ALL.format("given"),
    ]


def test_an_attribute_keeps_it_and_may_be_given_another(told) -> None:
    text = """class Keeper:
    def __init__(self):
        self.kept = net.parameters()
        self.kept = list(self.kept)
Keeper()"""
    assert told(text) == ["iterate self.kept made", ALL.format("self.kept"), "iterate self.kept made"]


def test_in_a_zip_beside_what_stays_the_same(told) -> None:
    text = "kept = net.parameters()\nlist_of = [1, 2]\nfor n, p in zip(list_of, kept): print(p)"
    assert told(text)[1:] == ["iterate kept beside loop used"]


@pytest.mark.parametrize(
    "condition",
    [
        "if not copies: copies = list(kept)",
        "copies = copies or list(kept)",
        "copies = 0 if copies else list(kept)",
    ],
)
def test_what_holds_in_the_first_turn_may_not_in_the_next(told, condition: str) -> None:
    assert told(f"kept = net.parameters()\ncopies = []\nfor turn in range(3):\n    {condition}")[-1:] == [
        UNSURE.format("kept")
    ]


def test_what_lies_behind_an_early_end_of_the_turn_is_no_surer(told) -> None:
    text = (
        "kept = net.parameters()\ncopies = []\nfor turn in range(3):\n    if copies: continue\n    list(kept)"
    )
    assert told(text)[1:] == [UNSURE.format("kept")]


def test_a_flag_that_nothing_changes_is_sure(told) -> None:
    text = "kept = net.parameters()\nCLIP = True\nfor turn in range(3):\n    if CLIP: list(kept)"
    assert told(text)[1:] == [ALL.format("kept")]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (
            "def f(model):\n    model.zero_grad()\n    kept = model.parameters()\n    list(kept)\nf(given)",
            True,
        ),
        (
            "def f(model):\n    model.train()\n    model(1)\n    list(it := model.parameters())\nf(given)",
            True,
        ),
        ("def f(model):\n    model(1)\n    kept = model.parameters()\n    list(kept)\nf(given)", False),
        ("from tiny import Net\nmodel = Net()\nkept = model.parameters()\nlist(kept)", False),
        ("from tiny.nn import Module\nclass Own(Module): pass\nkept = Own().parameters()\nlist(kept)", False),
        ("class Own(nn.Module): pass\nkept = Own().parameters()\nlist(kept)", True),
        ("import timm\nkept = timm.create_model('x').parameters()\nlist(kept)", True),
    ],
)
def test_only_modules_of_torch_hand_out_iterators(told, text: str, is_one: bool) -> None:
    assert bool(told(text)) is is_one
