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
