"""Trees are kept while there is room; what is defined in them is found again when they are parsed anew."""

import ast
from pathlib import Path

import pytest

from osler.static.shelf import Definition, Shelf, located, once_per_node
from osler.static.sources import Source, parse, parsed

TREE = ast.parse("pass")


def filled(room: int, *sizes: int) -> Shelf:
    shelf = Shelf(room)
    for number, size in enumerate(sizes):
        shelf.put(f"{number}.py", TREE, size)
    return shelf


@pytest.mark.parametrize(
    ("room", "sizes", "kept"),
    [
        (10, (4, 6), ["0.py", "1.py"]),
        (10, (4, 7), ["1.py"]),
        (10, (4, 4, 4, 4), ["2.py", "3.py"]),
        (10, (99,), ["0.py"]),
        (10, (1, 99), ["1.py"]),
        (10, (99, 1), ["1.py"]),
        (10, (), []),
    ],
    ids=["full", "too full", "many", "large", "large behind small", "small behind large", "empty"],
)
def test_the_longest_unused_tree_makes_room(room: int, sizes: tuple[int, ...], kept: list[str]) -> None:
    shelf = filled(room, *sizes)
    assert list(shelf.trees) == kept
    assert shelf.filled == sum(sizes[int(k[0])] for k in kept)


def test_a_tree_that_is_asked_for_is_used() -> None:
    shelf = filled(10, 4, 4)
    assert shelf.take("0.py") is not None
    shelf.put("2.py", TREE, 4)
    assert list(shelf.trees) == ["0.py", "2.py"]
    assert shelf.take("1.py") is None


TEXT = """\
import a

@wrap(lambda x: lambda: x)
def f(a=lambda: 1):
    if a:
        class Inner(Base, key=lambda: 2):
            async def g(self): return [
                lambda: 3 for x in y]
    match a:
        case 1: later = lambda: 4
    try: pass
    except E: handle = lambda: 5
    with a as b: (lambda: 6); (lambda: 7)
"""


def every_definition(tree: ast.AST) -> list[Definition]:
    return [n for n in ast.walk(tree) if isinstance(n, Definition)]


def test_every_definition_is_found_by_its_position() -> None:
    tree = ast.parse(TEXT)
    every = every_definition(tree)
    assert len(every) == 12
    for node in every:
        assert located(tree, (node.lineno, node.col_offset)) is node


@pytest.mark.parametrize("at", [(1, 0), (4, 4), (99, 0)])
def test_where_nothing_is_defined_nothing_is_found(at: tuple[int, int]) -> None:
    with pytest.raises(LookupError, match=f"line {at[0]}"):
        located(ast.parse(TEXT), at)


def sharing(shelf: Shelf, *texts: str) -> list[Source]:
    loaded = [Source(Path(f"/home/user/{n}.py"), text) for n, text in enumerate(texts)]
    for source in loaded:
        source.shelf = shelf
    return [parsed(source) for source in loaded]


def test_files_that_are_read_together_share_the_room() -> None:
    one, other = sharing(Shelf(room=10), "x = 1 + 1\n", "y = 2 + 2\n")
    assert list(one.shelf.trees) == [other.file]
    assert one.tree is not None
    assert ast.unparse(one.tree) == "x = 1 + 1"
    assert list(one.shelf.trees) == [one.file]


def test_a_file_that_cannot_be_parsed_takes_no_room() -> None:
    (source,) = sharing(Shelf(), "x = (\n")
    assert (source.tree, source.shelf.trees) == (None, {})


def test_a_tree_is_the_same_object_while_it_is_kept() -> None:
    source = parse(Path("/home/user/train.py"), b"def f(): pass\n")
    assert source.tree is source.tree
    assert source.definition((1, 0)) is source.definition((1, 0))


def test_defining_does_not_parse_again() -> None:
    one, other = sharing(Shelf(room=10), "def f(): 1\n", "def g(): 2\n")
    node = every_definition(ast.parse(one.text))[0]
    assert one.define(node) == (1, 0)
    assert list(one.shelf.trees) == [other.file]


def test_an_answer_is_remembered_with_the_node() -> None:
    asked: list[ast.AST] = []

    @once_per_node
    def name(node: ast.AST) -> str:
        asked.append(node)
        return type(node).__name__

    one, other = ast.parse("f(x)", mode="eval").body, ast.parse("f(x)", mode="eval").body
    assert [name(one), name(one), name(other)] == ["Call", "Call", "Call"]
    assert asked == [one, other]
    assert ast.unparse(one) == "f(x)"
    assert len(list(ast.walk(one))) == 5
