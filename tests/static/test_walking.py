"""Walking sees what `ast.walk` sees, in the same order, but for the contexts of names."""

import ast
import inspect

import pytest

from osler.model import Place
from osler.static import expressions, shelf, walking
from osler.static.regions import statements
from osler.static.shelf import once_per_node
from osler.static.walking import walk

EVERYTHING = """
@wrap
async def f(a, /, b: int = 1, *c, d=2, **e) -> None:
    global g, h
    async with a as b, c: del b[0], c.x
    async for x in y: await x
    else: yield
    return [*a, {**b, 'k': 1j}, {1, 2}, b'x', ..., 1.5, None, True]
class C(B, key=lambda x, *y: x):
    x: int = 1
    try: x += 1
    except* E as e: raise E from None
    finally: assert x, f'{x!r:>{width}} and {y}'
match p:
    case {'a': 1, **rest} | [1, *others] | D(x=1) | None if p > 0 < q: pass
    case _ as z: x = (w := 1 if a and not b else -c @ d)
with (a): (i for i in j if k for l in m)
while a[1:2, ::3]: break
from a import *
"""


def plain(tree: ast.AST) -> list[ast.AST]:
    return [n for n in ast.walk(tree) if not isinstance(n, ast.expr_context)]


@pytest.mark.parametrize(
    "text",
    [EVERYTHING, "", *map(inspect.getsource, (walking, shelf, expressions))],
    ids=["everything", "empty", "walking", "shelf", "expressions"],
)
def test_the_same_nodes_in_the_same_order(text: str) -> None:
    tree = ast.parse(text)
    assert list(walk(tree)) == plain(tree)


def test_from_any_node_on() -> None:
    for node in plain(ast.parse(EVERYTHING)):
        assert list(walk(node)) == plain(node)


def test_what_is_remembered_with_a_node_is_no_part_of_it() -> None:
    tree = ast.parse("x = 1")
    before = list(walk(tree))
    for answer in ("text", ("a", "b"), frozenset({"a"}), None, Place("/x.py", 1)):
        once_per_node(lambda _, answer=answer: answer)(tree.body[0])
        assert list(walk(tree)) == before


def test_a_walk_can_be_left_early() -> None:
    assert isinstance(next(walk(ast.parse(EVERYTHING))), ast.Module)


def test_every_statement_is_met_once_outer_ones_first() -> None:
    tree = ast.parse(EVERYTHING)
    found = list(statements(tree))
    assert {id(n) for n in found} == {id(n) for n in ast.walk(tree) if isinstance(n, ast.stmt)}
    assert len(found) == len({id(n) for n in found})
    assert found[: len(tree.body)] == tree.body
