"""Where the values of names come from."""

import ast
from pathlib import Path

import pytest

from osler.model import Place
from osler.static.origins import Origins, batch_part, binds, last, returned, written
from osler.static.regions import Region, regions
from osler.static.sources import Source, parse

TEXT = """\
whole = make(1)
twice = make(2)
if whole:
    twice = make(3)
mixed = make(4)
mixed = 5


def make(n):
    loader = open(n)
    whole = n
    return build(whole)


def both(twice):
    if twice:
        return 1
    return 2
"""


def opened() -> tuple[Source, dict[str, Region], Origins]:
    source = parse(Path("/x.py"), TEXT.encode())
    every = list(regions(source))
    return source, {r.function: r for r in every}, Origins(every)


@pytest.mark.parametrize(
    ("function", "name", "calls"),
    [
        ("", "whole", ["make(1)"]),
        ("", "twice", ["make(2)", "make(3)"]),
        ("", "mixed", []),
        ("", "nothing", []),
        ("", "make", []),
        ("make", "loader", ["open(n)"]),
        ("make", "whole", []),
        ("make", "twice", ["make(2)", "make(3)"]),
        ("make", "n", []),
        ("both", "whole", ["make(1)"]),
        ("both", "twice", []),
    ],
)
def test_calls_that_make_it(function: str, name: str, calls: list[str]) -> None:
    _, every, origins = opened()
    found = origins.calls(every[function], ast.Name(name))
    assert [ast.unparse(c) for c in found] == calls
    made = origins.made(every[function], ast.Name(name))
    assert (made is not None) is (len(calls) == 1)


def test_functions_and_what_they_return() -> None:
    _, every, origins = opened()
    assert origins.function(ast.Name("make")) is every["make"]
    assert origins.function(ast.Name("open")) is None
    assert origins.function(ast.Attribute(ast.Name("self"), "make")) is None
    value = returned(every["make"])
    assert value is not None
    assert ast.unparse(value) == "build(whole)"
    assert returned(every["both"]) is None


@pytest.mark.parametrize(
    ("loop", "part"),
    [
        ("for x, y in loader: pass", ("loader", 1)),
        ("for i, (x, y) in enumerate(loader): pass", ("loader", 1)),
        ("for i, (y, x) in enumerate(tqdm(loader), 1): pass", ("loader", 0)),
        ("for [x, y] in tqdm(list(loader)): pass", ("loader", 1)),
        ("for y in loader: pass", None),
        ("for x, z in loader: pass", None),
        ("for i, y in enumerate(loader): pass", None),
    ],
)
def test_parts_of_a_batch(loop: str, part: tuple[str, int] | None) -> None:
    (node,) = ast.parse(loop).body
    assert isinstance(node, ast.For)
    found = batch_part(node.target, node.iter, "y")
    assert (found and (ast.unparse(found[0]), found[1])) == part


@pytest.mark.parametrize(
    ("line", "does"),
    [
        ("y = 1", True),
        ("x, (y, z) = a", True),
        ("y += 1", True),
        ("for y in z: pass", True),
        ("with a as y: pass", True),
        ("def y(): pass", True),
        ("if (y := f()): pass", True),
        ("del y", True),
        ("x = y", False),
        ("y.x = 1", False),
        ("y[0] = 1", False),
        ("if a:\n    y = 1", False),
    ],
)
def test_statements_that_give_a_name_a_value(line: str, does: bool) -> None:
    (node,) = ast.parse(line).body
    assert binds(node, "y") is does


def test_the_last_part_of_what_is_called() -> None:
    texts = ["f()", "a.f()", "a.b().f()", "a[0]()"]
    calls = [ast.parse(t, mode="eval").body for t in texts]
    assert [last(c) for c in calls if isinstance(c, ast.Call)] == ["f", "f", "f", ""]
    assert last(None) == ""


def test_the_expression_at_a_place() -> None:
    source, every, _ = opened()
    (call,) = [n for n in ast.walk(every["make"].lines[0].node) if isinstance(n, ast.Call)]
    place = Place(source.file, call.lineno, "make", span=source.span(call))
    assert written(source, list(every.values()), place) == (every["make"], call)
    elsewhere = Place(source.file, call.lineno, "both", span=source.span(call))
    assert written(source, list(every.values()), elsewhere) is None
