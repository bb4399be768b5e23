"""Values that only the reader needs: scopes, classes and their lineage, arguments."""

import ast
from pathlib import Path

import pytest

from osler.model import Const, Value
from osler.static.sources import Source, parse
from osler.static.values import Arguments, Class, Function, Scope, function_of

FILE = Path("/home/user/train.py")


def test_a_name_is_looked_up_outwards() -> None:
    outer = Scope({"x": Const(1), "y": Const(2)})
    inner = Scope({"x": Const(3)}, outer)
    assert (inner.find("x"), inner.find("y"), inner.find("z")) == (Const(3), Const(2), None)
    assert outer.find("x") == Const(1)


def test_an_assignment_writes_to_the_inner_scope() -> None:
    outer = Scope({"x": Const(1)})
    assert Scope({}, outer).holder("x").names == {}


def test_unless_the_name_is_global_or_nonlocal() -> None:
    outer = Scope({"x": Const(1)})
    middle = Scope({"y": Const(2)}, outer)
    inner = Scope({"x": Const(3)}, middle, frozenset({"x", "y"}))
    assert inner.holder("x") is outer
    assert inner.holder("y") is middle


def test_a_global_name_that_nobody_has_yet_is_one_of_the_file() -> None:
    outer = Scope()
    assert Scope({}, Scope({}, outer), frozenset({"new"})).holder("new") is outer


def made(text: str, *bases: Value, **names: Value) -> Class:
    source = parse(FILE, text.encode())
    node = first(source)
    assert isinstance(node, ast.ClassDef)
    return Class(node.name, source, source.define(node), bases, names)


def first(source: Source) -> ast.stmt:
    assert source.tree is not None
    return source.tree.body[0]


def test_the_lineage_of_a_class_is_nearest_first() -> None:
    top = made("class Top: pass", a=Const("top"), b=Const("top"))
    middle = made("class Middle: pass", top, b=Const("middle"))
    cls = made("class C: pass", Const("object"), middle)
    assert [c.name for c in cls.lineage()] == ["C", "Middle", "Top"]
    assert (cls.find("a"), cls.find("b"), cls.find("c")) == (Const("top"), Const("middle"), None)


def test_a_class_made_from_itself_has_an_end() -> None:
    cls = made("class C: pass")
    cls.bases = (cls,)
    assert list(cls.lineage()) == [cls]


def test_attributes_that_methods_change() -> None:
    cls = made(
        "class C:\n"
        "    total = 0\n"
        "    def __init__(self): self.size = 1; self.best = None\n"
        "    def step(self, other): self.best = other.size; self.net.bias = 0\n"
        "    def reset(self):\n"
        "        for self.turn in range(3): pass\n"
    )
    assert cls.changing == {"best", "bias", "turn"}


def function(text: str, *decorators: str) -> Function:
    source = parse(FILE, text.encode())
    node = first(source)
    assert isinstance(node, ast.FunctionDef)
    return function_of(node, Scope(), source, decorators)


@pytest.mark.parametrize(
    ("decorator", "is_off"),
    [("torch.no_grad", True), ("no_grad", True), ("torch.no_grad_", False), ("no_grad.wrap", False)],
)
def test_a_decorator_is_known_by_its_last_name(decorator: str, is_off: bool) -> None:
    assert function("def f(): pass", "other", decorator).is_made("no_grad", "inference_mode") is is_off


def test_the_name_of_a_function() -> None:
    assert function("def f(): pass").name == "f"
    source = parse(FILE, b"lambda x: x")
    node = first(source)
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Lambda)
    assert function_of(node.value, Scope(), source).name == "lambda"


def test_a_definition_is_found_again_after_its_tree_was_thrown_away() -> None:
    known, cls = function("\n@wrap(lambda: 1)\ndef f(): pass"), made("class C: x = 1")
    before = known.node, cls.node
    known.source.shelf.trees.clear()
    cls.source.shelf.trees.clear()
    assert [ast.dump(known.node), ast.dump(cls.node)] == [ast.dump(n) for n in before]
    assert known.node is not before[0]
    assert (known.key, cls.key) == ((str(FILE), 3, 0), (str(FILE), 1, 0))


GIVEN = Arguments([Const(1), Const(2)], {"c": Const(3)})


@pytest.mark.parametrize(
    ("position", "name", "value"),
    [(0, "a", Const(1)), (1, "", Const(2)), (2, "c", Const(3)), (0, "c", Const(3)), (2, "d", None)],
)
def test_an_argument(position: int, name: str, value: Value | None) -> None:
    assert GIVEN.at(position, name) == value


def test_all_arguments() -> None:
    assert GIVEN.every() == [Const(1), Const(2), Const(3)]
    assert GIVEN.options() == {0: Const(1), 1: Const(2), "c": Const(3)}


def test_stars_leave_a_mark_among_the_options() -> None:
    assert set(Arguments([Const(1)], spread=True).options()) == {0, "**"}
