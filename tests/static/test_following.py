"""Names that are followed to one number, near-misses included."""

import ast
from pathlib import Path

import pytest

from osler.static.following import DEEPEST, ITSELF, Following, part, unpacked
from osler.static.origins import Origins
from osler.static.regions import Line, Region, regions
from osler.static.sources import parse


def number(code: str, name: str) -> int | None:
    """What the constants that a file gives to a name agree on, through other names."""
    every = list(regions(parse(Path("train.py"), code.encode())))
    names = Following(Origins(every))

    def bound(region: Region, line: Line, name: str) -> int | None:
        match line.node:
            case ast.Assign(value=ast.Constant(value=int() as value)):
                return value
            case ast.Assign(value=ast.Name(id=other)):
                return names.number(region, other, bound)
            case _:
                return None

    return names.number(every[0], name, bound)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a = 3", 3),
        ("a = 3\na = 3", 3),
        ("b = 3\na = b", 3),
        ("a = 3\na = a", 3),
        ("a = 3\nb = a\na = b", None),
        ("a = 3\na = 4", None),
        ("a = 3\na = read()", None),
        ("a = a", None),
        ("b = 3", None),
        ("for a in b:\n    pass\na = 3", None),
    ],
)
def test_every_line_must_agree(code: str, expected: int | None) -> None:
    assert number(code, "a") == expected


def test_gives_up_where_names_go_on_and_on() -> None:
    def chain(length: int) -> str:
        return "\n".join(["n0 = 3", *(f"n{k + 1} = n{k}" for k in range(length))])

    assert number(chain(DEEPEST), f"n{DEEPEST}") == 3
    assert number(chain(DEEPEST + 1), f"n{DEEPEST + 1}") is None


def test_a_name_asks_for_itself_without_end() -> None:
    names = Following(Origins(list(regions(parse(Path("train.py"), b"a = 1")))))
    region = names.origins.every[0]
    assert names.number(region, "a", lambda r, _, name: names.number(r, name, lambda *_: 1)) is None
    names.asked.append((id(region), "a"))
    assert names.number(region, "a", lambda *_: 1) == ITSELF


@pytest.mark.parametrize(
    ("code", "value"),
    [("x, a = f()", ("f()", 1)), ("a, x = p, q", ("(p, q)", 0)), ("a = f()", None), ("x, y = f()", None)],
)
def test_what_is_taken_apart(code: str, value: tuple[str, int] | None) -> None:
    (line,) = next(iter(regions(parse(Path("train.py"), code.encode())))).lines
    found = unpacked(line, "a")
    assert (None if found is None else (ast.unparse(found[0]), found[1])) == value


@pytest.mark.parametrize(
    ("code", "position", "stands_for"),
    [
        ("(p, q)", 1, "q"),
        ("train_test_split(x, y)", 1, "x"),
        ("train_test_split(x, y)", 2, "y"),
        ("train_test_split(x, y)", 4, None),
        ("(p, q)", 2, None),
        ("split(x, y)", 0, None),
    ],
)
def test_what_a_part_stands_for(code: str, position: int, stands_for: str | None) -> None:
    found = part(ast.parse(code, mode="eval").body, position)
    assert (None if found is None else ast.unparse(found)) == stands_for
