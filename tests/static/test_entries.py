"""What is written into where an entry is given a value."""

import ast

import pytest

from osler.static.entries import base, by_name, is_arithmetic, is_count, is_several, own, root


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def target(text: str) -> ast.Subscript:
    found = expression(text)
    assert isinstance(found, ast.Subscript)
    return found


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("x", "x"),
        ("x[0]", "x"),
        ("x[0][1:]['a']", "x"),
        ("self.x[i]", "self.x"),
        ("self.x[i].y[0]", ""),
        ("f(x)[0]", ""),
    ],
)
def test_what_is_subscripted(text: str, name: str) -> None:
    assert root(expression(text)) == name
    assert not isinstance(base(expression(text)), ast.Subscript)


@pytest.mark.parametrize(
    ("text", "name"), [("self.x", "x"), ("other.x", ""), ("self.x.y", ""), ("self", ""), ("self.x[0]", "")]
)
def test_what_belongs_to_the_object(text: str, name: str) -> None:
    assert own(expression(text)) == name


@pytest.mark.parametrize(
    ("text", "is_name"), [("x['a']", True), ("x[0]", False), ("x[key]", False), ("x[b'a']", False)]
)
def test_entries_of_dicts(text: str, is_name: bool) -> None:
    assert by_name(target(text)) is is_name


@pytest.mark.parametrize(
    ("text", "value", "counts"),
    [
        ("item['seen']", "1", True),
        ("self.seen[i]", "1", True),
        ("self.seen[i][j]", "1", True),
        ("item['seen']", "n", False),
        ("item[0]", "1", False),
    ],
)
def test_counting(text: str, value: str, counts: bool) -> None:
    assert is_count(target(text), expression(value)) is counts


@pytest.mark.parametrize(
    ("text", "computes"),
    [
        ("x + 1", True),
        ("x / y", True),
        ("x // y", False),
        ("x @ y", False),
        ("-x", False),
        ("f(x + 1)", False),
    ],
)
def test_arithmetic(text: str, computes: bool) -> None:
    assert is_arithmetic(expression(text)) is computes


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("torch.randn(8)", True),
        ("torch.rand(n)", True),
        ("rng.randn(2, 3)", True),
        ("torch.randn(1)", False),
        ("np.random.rand()", False),
        ("torch.randint(8)", False),
        ("x", False),
    ],
)
def test_more_random_numbers_than_one(text: str, several: bool) -> None:
    assert is_several(expression(text)) is several
