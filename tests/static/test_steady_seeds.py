"""Seeds that are the same number in each pass."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from osler.model import Code
from osler.static.sources import parse
from osler.static.steady_seeds import steady_in_function, steady_in_methods
from osler.static.values import Class, methods_of

CLASS = """
class Batches:
    def __init__(self, seed):
        self.seed, self.epoch = seed, 0
    def later(self):
        self.epoch = 1
"""


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def is_steady(script: Callable[..., Any], seed: str, more: str = "", **code: frozenset[str]) -> bool:
    batches = script(CLASS + more)["Batches"]
    assert isinstance(batches, Class)
    return steady_in_methods([batches.source], Code(**code), methods_of(batches))(expression(seed))


@pytest.mark.parametrize("seed", ["0", "self.seed", "self.seed + 1", "(self.seed, 7)", "self.epoch"])
def test_what_init_has_made(script: Callable[..., Any], seed: str) -> None:
    assert is_steady(script, seed)


@pytest.mark.parametrize(
    "seed", ["None", "seed", "other.seed", "f(self.seed)", "self.other", "self.seeds[0]"]
)
def test_what_it_has_not(script: Callable[..., Any], seed: str) -> None:
    assert not is_steady(script, seed)


@pytest.mark.parametrize(
    "more", ["b = Batches(0)\nb.seed = 1", "def f(b):\n    setattr(b, 'seed', 1)", "seed += 1"]
)
def test_changed_by_somebody_else(script: Callable[..., Any], more: str) -> None:
    assert not is_steady(script, "self.seed", more)


def test_changed_by_a_method_that_may_be_called(script: Callable[..., Any]) -> None:
    assert not is_steady(script, "self.epoch", methods=frozenset({"later"}))
    assert not is_steady(script, "self.epoch", frameworks=frozenset({"lightning"}))
    assert is_steady(script, "self.seed", methods=frozenset({"later"}))


@pytest.mark.parametrize(
    ("head", "call", "seed", "steady"),
    [
        ("seed", "f(0)", "seed", True),
        ("data, seed=0", "f(d)", "seed", True),
        ("*, seed=0", "f(seed=3)", "seed", True),
        ("seed", "f(0)", "7", True),
        ("seed", "f(0)", "None", False),
        ("seed", "f(0)", "seed + 1", False),
        ("seed", "f(0)", "other", False),
        ("seed", "f(epoch)", "seed", False),
        ("seed=None", "f()", "seed", False),
        ("seed=0", "f(*rest)", "seed", False),
        ("seed=0", "f(**rest)", "seed", False),
    ],
)
def test_what_a_function_is_given(head: str, call: str, seed: str, steady: bool) -> None:
    source = parse(Path("/x.py"), f"def f({head}): pass\n".encode())
    assert source.tree is not None
    function, called = source.tree.body[0], expression(call)
    assert isinstance(function, ast.FunctionDef)
    assert isinstance(called, ast.Call)
    assert steady_in_function(source, function, called)(expression(seed)) is steady
