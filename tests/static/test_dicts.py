"""Dicts that a call builds."""

import ast

import pytest

from osler.model import Const, External, Series, Table, Unknown, Value
from osler.static.dicts import built
from osler.static.values import Arguments

NODE = ast.parse("dict()", mode="eval").body


class Machine:
    """What places need."""

    def place(self, node: ast.expr) -> int:
        return node.lineno


def items(name: str, *positional: Value, **named: Value) -> dict[object, Value] | None:
    table = built(Machine(), External(name), Arguments(list(positional), dict(named)), NODE)  # type: ignore
    return None if table is None else table.items


ONE, TWO = Const(1), Const(2)
PAIRS = Series([Series([Const("a"), ONE], "tuple"), Series([Const("b"), TWO], "tuple")])


@pytest.mark.parametrize("maker", ["dict", "collections.OrderedDict", "argparse.Namespace"])
def test_named_arguments(maker: str) -> None:
    assert items(maker, a=ONE, b=TWO) == {"a": ONE, "b": TWO}
    assert items(maker) == {}


def test_pairs_and_other_dicts() -> None:
    assert items("collections.OrderedDict", PAIRS) == {"a": ONE, "b": TWO}
    assert items("dict", Table({"a": ONE}), b=TWO) == {"a": ONE, "b": TWO}


@pytest.mark.parametrize(
    "given",
    [
        Unknown(),
        Table({"a": ONE}, whole=False),
        Series([Unknown()]),
        Series([Series([Unknown(), ONE])]),
        Series([Series([Const("a"), ONE])], whole=False),
    ],
)
def test_what_is_not_written_down(given: Value) -> None:
    assert items("dict", given) is None


def test_what_makes_no_dict() -> None:
    assert items("builtins.list", PAIRS) is None
