"""Iterators of parameters that are empty when they are gone through: on every way, and certainly."""

import pytest

from osler.static.used_up import used_up

START = "net = nn.Linear(4, 2)\nkept = net.parameters()\n"


@pytest.fixture
def lines(code):
    """Lines of the script: what took all of it, and what finds nothing."""

    def read(text: str) -> list[tuple[int, int]]:
        first = len(f"{START}".splitlines()) + 1
        return [(f.by.place.line - first, f.then.place.line - first) for f in used_up(code(START + text))]

    return read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("list(kept)", []),
        ("list(kept)\nlist(kept)", [(1, 2)]),
        ("list(kept)\nlist(kept)\nlist(kept)", [(1, 2)]),
        ("for e in range(3):\n    list(kept)", [(2, 2)]),
        ("for e in range(1):\n    list(kept)", []),
        ("for e in range(3):\n    if e > 0: break\n    list(kept)", []),
        ("for e in range(3):\n    list(kept)\n    if e > 1: break", [(2, 2)]),
        ("for e in range(3):\n    if e > 1: list(kept)", []),
        ("list(kept)\nfor e in range(3):\n    if e > 1: list(kept)", [(1, 3)]),
        ("if given: list(kept)\nlist(kept)", []),
        ("if given: list(kept)\nelse: sum(kept)\nlist(kept)", [(1, 3)]),
        ("if given: list(kept)\nelse: list(kept)", []),
        ("list(kept)\nkept = net.parameters()\nlist(kept)", []),
        ("for e in range(3):\n    list(kept)\n    kept = net.parameters()", []),
        ("torch.optim.SGD(kept, lr=0.1)\nnn.utils.clip_grad_norm_(kept, 1.0)", [(1, 2)]),
        ("list(kept)\ntorch.optim.SGD(kept, lr=0.1)", []),
        ("while True:\n    list(kept)\n    break", []),
        ("others = net.parameters()\nlist(kept)\nlist(others)", []),
        ("again = kept\nlist(kept)\nlist(again)", [(2, 3)]),
    ],
)
def test_on_every_way(lines, text: str, expected: list[tuple[int, int]]) -> None:
    assert lines(text) == expected


BESIDE = "one, two = [1], [2]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("for a, p in zip(one, kept): pass\nfor b, p in zip(two, kept): pass", []),
        ("for e in range(3):\n    for a, p in zip(one, kept): pass", [(3, 3)]),
        ("for e in [one, two]:\n    for a, p in zip(e, kept): pass", []),
        ("list(kept)\nfor b, p in zip(two, kept): pass", [(2, 3)]),
        ("for a, p in zip(one, kept): pass\nlist(kept)\nlist(kept)", [(3, 4)]),
    ],
)
def test_beside_something_that_may_be_shorter(lines, text: str, expected: list[tuple[int, int]]) -> None:
    assert lines(BESIDE + text) == expected


def test_what_a_framework_calls_may_be_called_once(code) -> None:
    text = """
    class Task:
        def __init__(self, net):
            self.net = net
            self.kept = nn.Linear(4, 2).parameters()

        def configure_optimizers(self):
            return list(self.kept)
    """
    assert list(used_up(code(text))) == []


def test_a_function_and_its_caller(lines) -> None:
    text = "def norm(given):\n    return sum(p.norm() for p in given)\nnorm(kept)\nnorm(kept)"
    assert lines(text) == [(2, 2)]


@pytest.mark.parametrize(
    "text",
    [
        "kept = list(kept)\nsum(p.norm() for p in kept)\nsum(p.norm() for p in kept)",
        "kept = [*kept]\nlist(kept)\nlist(kept)",
        "kept = tuple(p for p in kept)\nlist(kept)\nlist(kept)",
        "import itertools\nkept, other = itertools.tee(kept)\nlist(kept)\nlist(other)",
        "list(net.parameters())\nlist(net.parameters())",
        "for e in range(3):\n    kept = net.parameters()\n    list(kept)",
        "for e in range(3):\n    list(net.parameters())",
        "def each():\n    return net.parameters()\nlist(each())\nlist(each())",
        "each = lambda: net.parameters()\nlist(each())\nlist(each())",
        "first = next(kept)\nlist(kept)",
        "first = next(kept)\nsecond = next(kept)",
        "for p in kept:\n    break\nfor p in kept:\n    pass",
        "if all:\n    list(kept)\nelse:\n    kept = []\n",
        "try:\n    list(kept)\nexcept ValueError:\n    pass",
        "match all:\n    case 1: list(kept)\n    case 2: list(kept)",
        "def clip(ps):\n    nn.utils.clip_grad_norm_(ps, 1)\nfor e in range(3):\n    clip(net.parameters())",
        "optimizer = torch.optim.SGD(kept, lr=0.1)\nfor e in range(3):\n    list(net.parameters())",
        "optimizer = torch.optim.SGD(kept, lr=0.1)\nfor g in optimizer.param_groups: list(g['params'])",
        "async def f():\n    list(kept)\nlist(kept)",
        "def g():\n    yield from kept\nlist(kept)",
        "class A:\n    kept = list(kept)\n",
        "with open(f) as h: list(kept)",
        "(kept := net.parameters())\nlist(kept)",
        "list(kept)\ndel kept\nkept = net.parameters()\nlist(kept)",
        "list(kept)\nkept, n = net.parameters(), 1\nlist(kept)",
        "list(kept)\nfor kept in [net.parameters(), net.parameters()]:\n    list(kept)",
        "while x:\n    list(kept)\n    kept = net.parameters()",
        "for e in range(3):\n    if e == 0:\n        list(kept)",
        "for e in range(3):\n    list(kept)\n    return_ = 1\n    break",
        "print(kept)\nlist(kept)",
        "list(kept)\nprint(kept)",
        "list(kept)\nassert kept is not None",
    ],
)
def test_what_is_gone_through_once_or_made_anew(lines, text: str) -> None:
    assert lines(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = {p: 1 for p in kept}\nlist(kept)", [(1, 2)]),
        ("max(p.max() for p in kept)\nmin(p.min() for p in kept)", [(1, 2)]),
        ("a, b = list(kept), list(kept)", [(1, 1)]),
        ("with lock: list(kept)\nlist(kept)", [(1, 2)]),
        ("list(kept)\nif given: list(kept)", [(1, 2)]),
        ("list(kept)\nwhile given: list(kept)", [(1, 2)]),
        ("list(kept)\ntry:\n    list(kept)\nexcept ValueError: pass", [(1, 3)]),
        ("for p in kept: p.data.zero_()\nfor p in kept: print(p)", [(1, 2)]),
        ("kept = enumerate(kept)\nlist(kept)\nlist(kept)", [(2, 3)]),
        ("kept = (p for p in kept)\nlist(kept)\nlist(kept)", [(2, 3)]),
        ("(it := kept)\nlist(it)\nlist(kept)", [(2, 3)]),
    ],
)
def test_what_is_empty_the_second_time(lines, text: str, expected: list[tuple[int, int]]) -> None:
    assert lines(text) == expected
