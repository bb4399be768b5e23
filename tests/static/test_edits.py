"""Edits change what they are about and nothing else; what is not clear gives none."""

import ast
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osler.model import Edit, Page, Place
from osler.static.edits import (
    Spot,
    applied,
    call_at,
    indent_of,
    insert_after,
    insert_before,
    insert_first,
    move_before,
    move_behind,
    only_call,
    page_of,
    position,
    put_under,
    remove,
    replaced,
    statement_around,
    statement_at,
    text_of,
    together,
)
from osler.static.notebooks import parse_notebook
from osler.static.sources import parse

FILE = "/home/user/train.py"


def page(text: str) -> Page:
    found = page_of(parse(Path(FILE), text.encode("utf-8")))
    assert found is not None
    return found


def spot(text: str, line: int) -> Spot | None:
    return statement_at({FILE: page(text)}, Place(FILE, line))


def clear_spot(text: str, line: int) -> Spot:
    found = spot(text, line)
    assert found is not None
    return found


LOOP = """\
for x in loader:
    loss = f(x)
    loss.backward()
    optimizer.step()
print(loss)
"""


@pytest.mark.parametrize(
    ("text", "line", "statement"),
    [
        (LOOP, 3, "loss.backward()"),
        (LOOP, 5, "print(loss)"),
        ("f(\n    x,\n)\n", 2, "f(x)"),
        ("f(x)  # why\n", 1, "f(x)"),
        ("\n\n\tf(x)\n".replace("\t", ""), 3, "f(x)"),
        ("if a:\n    pass\nelse:\n    f(x)\n", 4, "f(x)"),
        ("try:\n    pass\nexcept E:\n    f(x)\n", 4, "f(x)"),
        ("try:\n    pass\nfinally:\n    f(x)\n", 4, "f(x)"),
        ("for x in a:\n    pass\nelse:\n    f(x)\n", 4, "f(x)"),
        ("x = '''\na\n'''\n", 2, "x = '\\na\\n'"),
        ("x = 1 + \\\n    2\n", 2, "x = 1 + 2"),
        ("match a:\n    case 1:\n        f(x)\n    case _:\n        g(x)\n", 3, "f(x)"),
    ],
)
def test_the_statement_at_a_line(text: str, line: int, statement: str) -> None:
    assert ast.unparse(clear_spot(text, line).statement) == statement


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (LOOP, 1),
        (LOOP, 9),
        ("f(x); g(x)\n", 1),
        ("if a: f(x)\n", 1),
        ("f(x);\n", 1),
        ("for x in a: f(x)\n", 1),
        ("with a: f(x)\n", 1),
        ("# f(x)\n", 1),
        ("", 1),
        ("x = '''\n'''; f(x)\n", 2),
        ("match f(x):\n    case 1: f(x)\n", 1),
    ],
    ids=[
        "a head",
        "no line",
        "two",
        "a body",
        "a semicolon",
        "a loop",
        "a with",
        "a comment",
        "empty",
        "an end",
        "a match",
    ],
)
def test_where_no_statement_stands_alone(text: str, line: int) -> None:
    assert spot(text, line) is None


def test_a_file_that_was_not_read_has_no_statements() -> None:
    assert statement_at({}, Place(FILE, 1)) is None
    assert statement_around({}, Place(FILE, 1), ast.For) is None
    assert call_at({}, Place(FILE, 1), "f") is None
    assert only_call({}, FILE, "f") is None


def test_a_notebook_and_a_broken_file_are_not_edited() -> None:
    cells = '{"cells": [{"cell_type": "code", "source": "f(x)"}]}'
    assert page_of(parse_notebook(Path("/a.ipynb"), cells)) is None
    assert page_of(parse(Path(FILE), b"f(\n")) is None


def test_the_innermost_statement_of_a_kind_around_a_line() -> None:
    text = "for a in b:\n    for c in d:\n        f(c)\n    f(a)\n"
    pages = {FILE: page(text)}
    lines = [statement_around(pages, Place(FILE, n), ast.For) for n in (1, 3, 4)]
    assert [s.statement.lineno for s in lines if s] == [1, 2, 1]
    assert statement_around(pages, Place(FILE, 3), ast.While) is None


@pytest.mark.parametrize(
    ("text", "line", "after"),
    [
        (LOOP, 3, LOOP.replace("    optimizer", "    g()\n    optimizer")),
        ("f(x)", 1, "f(x)\ng()"),
        ("if a:\n\tf(x)\n", 2, "if a:\n\tf(x)\n\tg()\n"),
        ("f(x)  # why\nh()\n", 1, "f(x)  # why\ng()\nh()\n"),
        ("f(\n    x\n)\n", 1, "f(\n    x\n)\ng()\n"),
        ("größe('ä')  # ü\nh()\n", 1, "größe('ä')  # ü\ng()\nh()\n"),
    ],
)
def test_a_line_behind(text: str, line: int, after: str) -> None:
    assert applied(text, insert_after(clear_spot(text, line), "g()")) == after


@pytest.mark.parametrize(
    ("text", "line", "after"),
    [
        (LOOP, 3, LOOP.replace("    loss.b", "    g()\n    loss.b")),
        ("f(x)", 1, "g()\nf(x)"),
        ("if a:\n\tf(x)\n", 2, "if a:\n\tg()\n\tf(x)\n"),
        ("# why\nf(x)\n", 2, "# why\ng()\nf(x)\n"),
    ],
)
def test_a_line_before(text: str, line: int, after: str) -> None:
    assert applied(text, insert_before(clear_spot(text, line), "g()")) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("def f(x):\n    return x\n", "def f(x):\n    g()\n    return x\n"),
        ("def f(x):\n    '''Doc.'''\n    return x\n", "def f(x):\n    '''Doc.'''\n    g()\n    return x\n"),
        ("def f(x):\n    # why\n    return x\n", "def f(x):\n    # why\n    g()\n    return x\n"),
        ("def f(x): return x\n", "def f(x): return x\n"),
        ("def f(\n    x): return x\n", "def f(\n    x): return x\n"),
        ("def f(x):\n    'Doc.'; return x\n", "def f(x):\n    'Doc.'; return x\n"),
    ],
)
def test_a_line_at_the_head_of_a_body(text: str, after: str) -> None:
    whole = statement_around({FILE: page(text)}, Place(FILE, 1), ast.FunctionDef)
    assert whole is not None
    assert applied(text, insert_first(whole, "g()")) == after


@pytest.mark.parametrize(
    ("text", "line", "after"),
    [
        (LOOP, 2, LOOP.replace("    loss = f(x)\n", "")),
        ("if a:\n    f(x)\n", 2, "if a:\n    pass\n"),
        ("if a:\n    f(x)  # why\n", 2, "if a:\n    pass  # why\n"),
        ("f(x)\ng(x)", 2, "f(x)\n"),
        ("f(\n    x\n)\ng(x)\n", 2, "g(x)\n"),
        ("f(x)", 1, "pass"),
    ],
)
def test_taking_a_statement_out(text: str, line: int, after: str) -> None:
    found = applied(text, remove(clear_spot(text, line)))
    assert found == after
    ast.parse(found)


def body_of(text: str) -> list[Spot]:
    own = page(text)
    return [Spot(own, s, own.tree.body) for s in own.tree.body]


STATEMENTS = ["a()  # one\n", "b(\n    1,\n)\n", "c = 'ü'\n", "d()\n", "if e:\n    e()\n"]


@given(st.permutations(STATEMENTS), st.integers(0, 4), st.integers(0, 4), st.booleans())
@settings(max_examples=40, deadline=None)
def test_moving_keeps_every_statement_and_the_order_of_the_others(
    lines: list[str], one: int, other: int, behind: bool
) -> None:
    text = "".join(lines)
    spots = body_of(text)
    moved = lines.pop(one)
    if one == other:
        return
    at = other - (other > one) + behind
    lines.insert(at, moved)
    edits = (move_behind if behind else move_before)(spots[one], spots[other])
    assert applied(text, edits) == "".join(lines)


def test_only_within_one_block_is_moved() -> None:
    text = "if a:\n    f()\n    g()\nh()\n"
    assert move_behind(clear_spot(text, 2), clear_spot(text, 4)) == []
    shared = page("f(); g()\nh()\n")
    first, _, last = (Spot(shared, s, shared.tree.body) for s in shared.tree.body)
    assert move_before(last, first) == move_behind(first, last) == []


@pytest.mark.parametrize(
    ("text", "line", "after"),
    [
        ("f(x)\n", 1, "with a:\n    f(x)\n"),
        ("if b:\n    f(x)\n", 2, "if b:\n    with a:\n        f(x)\n"),
        ("f(\n    x,\n\n    y)\n", 1, "with a:\n    f(\n        x,\n\n        y)\n"),
        ("x = '''\na'''\n", 1, "x = '''\na'''\n"),
        ("x = f'''\n{a}'''\n", 1, "x = f'''\n{a}'''\n"),
    ],
    ids=["a line", "in a block", "several lines", "a text of two lines", "such a text with a value"],
)
def test_a_statement_under_a_head(text: str, line: int, after: str) -> None:
    assert applied(text, put_under(clear_spot(text, line), "with a:")) == after


def test_all_or_nothing() -> None:
    one, other = Edit(FILE, 0, 1, "a"), Edit(FILE, 2, 3, "b")
    assert together([one], [other]) == [one, other]
    assert together([one], []) == together([], [other]) == []


TEXT = "".join(chr(c) for c in (97, 228, 10, 8364, 128_512, 98, 10, 9)) * 4
EDITS = st.lists(
    st.tuples(st.integers(0, len(TEXT)), st.integers(0, 5), st.text("xyü\n", max_size=3)), max_size=5
).map(lambda parts: [Edit(FILE, at, min(at + n, len(TEXT)), text) for at, n, text in parts])


@given(EDITS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_edits_are_given_does_not_matter(edits: list[Edit], chance) -> None:
    distinct = list({(e.start, e.end): e for e in edits}.values())
    shuffled = list(distinct)
    chance.shuffle(shuffled)
    assert applied(TEXT, shuffled) == applied(TEXT, distinct)


@given(EDITS)
@settings(max_examples=60, deadline=None)
def test_edits_that_overlap_change_nothing_and_others_keep_what_lies_between(edits: list[Edit]) -> None:
    ordered = sorted(edits, key=lambda e: (e.start, e.end))
    pieces, at = [], 0
    for edit in ordered:
        pieces += [TEXT[at : edit.start], edit.text]
        at = edit.end
    overlap = any(a.end > b.start for a, b in pairwise(ordered))
    assert applied(TEXT, edits) == (TEXT if overlap else "".join([*pieces, TEXT[at:]]))


@given(st.lists(st.text("aä€😀 ", min_size=1, max_size=6), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_columns_are_counted_in_bytes_and_positions_in_characters(words: list[str]) -> None:
    text = "".join(f"x = {word!r}; y = 1\n" for word in words)
    own = page(text)
    for number in range(len(words)):
        line = text.split("\n")[number]
        column = len(line[: line.index(";")].encode())
        assert text[position(own, number + 1, column)] == ";"


@given(st.sampled_from(["x = f('ä', [1, 2])", "if größe:\n    f(x)\nelse:\n    g('€')", LOOP.strip()]))
@settings(max_examples=10, deadline=None)
def test_the_text_of_a_node_parses_to_that_node(text: str) -> None:
    own = page(text)
    for node in ast.walk(own.tree):
        if isinstance(node, ast.expr) and not isinstance(getattr(node, "ctx", None), ast.Store):
            assert ast.dump(ast.parse(text_of(own, node), mode="eval").body) == ast.dump(node)
            assert applied(text, [replaced(own, node, text_of(own, node))]) == text


def test_what_stands_before_a_statement() -> None:
    text = dedent("""\
        def f():
        \tif a:
        \t    g()
        """)
    assert indent_of(clear_spot(text, 3)) == "\t    "
