"""What a function is called, what it is given, and where it stands."""

import ast
from pathlib import Path

from osler.static.part_events import Within, bound
from osler.static.sources import parse

TEXT = "class Rows:\n    def __init__(self, rows, vocab=None):\n        self.rows = rows\n"


def test_an_object_is_made_by_its_class() -> None:
    source = parse(Path("/home/user/data.py"), TEXT.encode())
    cls = source.tree.body[0] if source.tree is not None else None
    assert isinstance(cls, ast.ClassDef)
    made = cls.body[0]
    assert isinstance(made, ast.FunctionDef)
    within = Within(source, made, cls)
    assert (within.name, within.parameters) == ("Rows", ("rows", "vocab"))
    assert within.text.startswith("    def __init__")
    assert within.whole_text.startswith("class Rows")
    assert within.place(made).line == 2
    call = ast.parse("Rows(a, vocab=b)", mode="eval").body
    assert isinstance(call, ast.Call)
    assert {n: ast.unparse(v) for n, v in bound(made, call).items()} == {"rows": "a", "vocab": "b"}


def test_the_text_of_a_file_alone_has_no_comments_and_no_functions() -> None:
    source = parse(Path("/home/user/data.py"), (TEXT + "x = 1  # test\ny = '#a'\n").encode())
    assert source.tree is not None
    assert Within(source, source.tree).own_text == "x = 1  \ny = '#a'"
