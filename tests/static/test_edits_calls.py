"""Calls are renamed, unwrapped and given other arguments; what lies around them stays as it was."""

import ast
from pathlib import Path

import pytest

from osler.model import Page, Place
from osler.static.edits import (
    Phrase,
    add_argument,
    applied,
    call_at,
    calls_in,
    first_import,
    imports,
    last_name,
    only_call,
    page_of,
    receiver,
    remove_item,
    renamed,
    statement_at,
    unwrap,
)
from osler.static.sources import parse

FILE = "/home/user/train.py"


def page(text: str) -> Page:
    found = page_of(parse(Path(FILE), text.encode("utf-8")))
    assert found is not None
    return found


def phrase(text: str, name: str, line: int = 1) -> Phrase:
    found = call_at({FILE: page(text)}, Place(FILE, line), name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("y = F.softmax(x)\n", "softmax", True),
        ("y = softmax(x)\n", "softmax", True),
        ("y = x.softmax(1)\n", "softmax", True),
        ("y = softmax(softmax(x))\n", "softmax", False),
        ("y = log_softmax(x)\n", "softmax", False),
        ("y = f()(x)\n", "softmax", False),
        ("y = (x\n    .softmax(1))\n", "softmax", False),
    ],
)
def test_the_one_call_at_a_line(text: str, name: str, found: bool) -> None:
    assert (call_at({FILE: page(text)}, Place(FILE, 1), name) is not None) is found


def test_a_chained_call_stands_where_its_name_ends() -> None:
    text = "y = (x\n    .softmax(1))\n"
    assert last_name(phrase(text, "softmax", 2).call) == "softmax"


def test_calls_inside_a_statement() -> None:
    spot = statement_at({FILE: page("x = f(g(f(1)))\n")}, Place(FILE, 1))
    assert spot is not None
    inside = calls_in(spot, "f")
    assert [ast.unparse(c) for c in inside] == ["f(g(f(1)))", "f(1)"]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("y = F.softmax(x)\n", "y = F.relu(x)\n"),
        ("y = x.softmax(1).softmin(1)\n", "y = x.relu(1).softmin(1)\n"),
        ("ä = ü.softmax(1)  # softmax\n", "ä = ü.relu(1)  # softmax\n"),
        ("y = softmax(x)\n", "y = softmax(x)\n"),
    ],
    ids=["a function", "a method", "letters of two bytes", "a bare name may be imported"],
)
def test_another_name_for_a_call(text: str, after: str) -> None:
    assert applied(text, renamed(phrase(text, "softmax"), "relu")) == after


def test_no_call_cannot_be_renamed() -> None:
    assert renamed(None, "relu") == []


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("y = F.softmax(x, dim=1)\n", "y = x\n"),
        ("y = F.softmax(x + 1, dim=1)\n", "y = (x + 1)\n"),
        ("y = F.softmax(a if b else c)\n", "y = (a if b else c)\n"),
        ("y = 2 * F.softmax(net(x)[0])\n", "y = 2 * net(x)[0]\n"),
        ("y = F.softmax(lambda: 1)\n", "y = (lambda: 1)\n"),
    ],
)
def test_only_the_argument_is_left(text: str, after: str) -> None:
    found = phrase(text, "softmax")
    assert applied(text, unwrap(found, found.call.args[0])) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("f()\n", "f(p=1)\n"),
        ("f(a)\n", "f(a, p=1)\n"),
        ("f(a, b=2)\n", "f(a, b=2, p=1)\n"),
        ("f(a, b,)\n", "f(a, b, p=1,)\n"),
        ("f(\n    a,\n    b,\n)\n", "f(\n    a,\n    b, p=1,\n)\n"),
        ("f(a, *b, **c)\n", "f(a, *b, **c, p=1)\n"),
        ("f(g(a), 'ü')\n", "f(g(a), 'ü', p=1)\n"),
    ],
)
def test_one_more_argument(text: str, after: str) -> None:
    found = applied(text, add_argument(phrase(text, "f"), "p=1"))
    assert found == after
    ast.parse(found)


@pytest.mark.parametrize(
    ("text", "number", "after"),
    [
        ("f(a, b, c)\n", 0, "f(b, c)\n"),
        ("f(a, b, c)\n", 1, "f(a, c)\n"),
        ("f(a, b, c)\n", 2, "f(a, b)\n"),
        ("f(a, b, c,)\n", 2, "f(a, b,)\n"),
        ("f(\n    a,\n    b,\n)\n", 1, "f(\n    a,\n)\n"),
        ("f(a)\n", 0, "f(a)\n"),
    ],
)
def test_one_argument_less(text: str, number: int, after: str) -> None:
    found = phrase(text, "f")
    assert applied(text, remove_item(found.page, found.call.args, found.call.args[number])) == after


@pytest.mark.parametrize(
    ("text", "module", "is_there"),
    [
        ("import copy\n", "copy", True),
        ("import os, copy\n", "copy", True),
        ("import os.path\n", "os", True),
        ("def f():\n    import copy\n", "copy", True),
        ("import copy as c\n", "copy", False),
        ("from copy import deepcopy\n", "copy", False),
        ("import copying\n", "copy", False),
        ("", "copy", False),
    ],
)
def test_what_is_imported_under_its_own_name(text: str, module: str, is_there: bool) -> None:
    assert imports(page(text), module) is is_there


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("'''Doc.'''\nimport a\nimport b\n", 2),
        ("from __future__ import annotations\nfrom b import c\n", 2),
        ("x = 1\nimport a\n", 2),
        ("def f():\n    import a\n", None),
        ("", None),
    ],
)
def test_the_first_import(text: str, line: int | None) -> None:
    found = first_import(page(text))
    assert (found.statement.lineno if found else None) == line


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("optimizer.step()", "optimizer"),
        ("self.optimizer.step()", "self.optimizer"),
        ("self.all[0].step()", ""),
        ("make().step()", ""),
        ("step()", ""),
    ],
)
def test_what_a_method_is_called_on(call: str, name: str) -> None:
    own = page(f"{call}\n")
    node = own.tree.body[0]
    assert isinstance(node, ast.Expr)
    assert isinstance(node.value, ast.Call)
    assert receiver(own, node.value) == name


def test_the_one_call_in_a_file() -> None:
    pages = {FILE: page("import a\ndef f():\n    return a.seed(1)\n")}
    assert only_call(pages, FILE, "seed") is not None
    assert only_call({FILE: page("a.seed(1)\nb.seed(1)\n")}, FILE, "seed") is None
    assert only_call({FILE: page("seed(1)\n")}, FILE, "seed") is None
