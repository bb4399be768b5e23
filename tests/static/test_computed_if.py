"""Under which conditions parts of an expression are computed."""

import ast

from osler.static.computed_if import SOMETIMES, conditions, expanded, repeated, unless


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def test_a_parameter_that_is_not_given() -> None:
    assert unless(expression("vocab is None")) == ({"vocab"}, SOMETIMES)
    assert unless(expression("vocab is not None")) == (SOMETIMES, {"vocab"})
    assert unless(expression("a < b")) == (SOMETIMES, SOMETIMES)


def test_parts_of_an_expression() -> None:
    value = expression("vocab or made(rows)")
    assert isinstance(value, ast.BoolOp)
    assert conditions(value)[id(value.values[1])] == {"vocab"}
    assert id(value.values[0]) not in conditions(value)


def test_parts_of_the_data_one_after_the_other() -> None:
    found = expanded(expression("{p: load(p) for p in ('train', 'test')}"))
    assert [ast.unparse(each) for each in found] == ["load('train')", "load('test')"]
    assert expanded(expression("[load(p) for p in files]")) == []


def test_variables_of_comprehensions() -> None:
    value = expression("[scaled(r) for r in runs]")
    assert isinstance(value, ast.ListComp)
    assert repeated(value)[id(value.elt)] == {"r"}
