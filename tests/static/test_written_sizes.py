"""Ranks that stand in the source as sizes and lists."""

import ast

import pytest

from osler.static.written_sizes import is_number, nesting, sized, viewed


def call(text: str) -> ast.Call:
    node = ast.parse(text, mode="eval").body
    assert isinstance(node, ast.Call)
    return node


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("zeros(3)", 1),
        ("zeros(1)", None),
        ("zeros(n)", None),
        ("zeros(len(rows))", 1),
        ("zeros(1, n)", 2),
        ("zeros((n, 4, 5))", 3),
        ("zeros(size=[n, 4])", 2),
        ("zeros(*shape)", None),
        ("zeros()", None),
        ("randint(0, 9, (16,))", 1),
        ("randint(9, size=(16, 4))", 2),
        ("randint(0, 9)", None),
    ],
)
def test_sizes_that_something_is_made_of(text: str, rank: int | None) -> None:
    made = call(text)
    assert sized(made, {k.arg: k.value for k in made.keywords}) == rank


@pytest.mark.parametrize(
    ("text", "rank"),
    [
        ("view(-1)", 1),
        ("view(-1, n)", 2),
        ("view((len(x), n.size, 2 * m))", 3),
        ("view(shape)", None),
        ("view(*shape)", None),
        ("view()", None),
    ],
)
def test_sizes_that_something_is_given(text: str, rank: int | None) -> None:
    assert viewed(call(text).args) == rank


@pytest.mark.parametrize(("text", "deep"), [("[1, 2]", 1), ("[[1], [2]]", 2), ("[]", 0), ("rows", 0)])
def test_lists_in_lists(text: str, deep: int) -> None:
    assert nesting(ast.parse(text, mode="eval").body) == deep


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("3", True), ("-1", True), ("0.5", True), ("'3'", False), ("n", False), ("1 + 1", False)],
)
def test_numbers(text: str, is_one: bool) -> None:
    assert is_number(ast.parse(text, mode="eval").body) is is_one
