"""Notebooks: what Python would run in the code cells, without what only IPython understands."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.static.notebooks import parse_notebook
from osler.static.sources import Source

FILE = Path("/home/user/train.ipynb")


def notebook(*cells: str | list[str] | dict[str, object]) -> Source:
    """A notebook of code cells, or of cells given whole."""
    whole = [c if isinstance(c, dict) else {"cell_type": "code", "source": c} for c in cells]
    return parse_notebook(FILE, json.dumps({"cells": whole}))


def test_code_cells_follow_each_other() -> None:
    source = notebook("import torch\nx = 1", {"cell_type": "markdown", "source": "# Title"}, "y = 2")
    assert source.text == "import torch\nx = 1\ny = 2"
    assert source.cells == (("1", 1), ("1", 2), ("2", 1))
    assert source.tree is not None


def test_a_cell_may_be_a_list_of_lines() -> None:
    assert notebook(["x = 1\n", "y = 2"]).text == "x = 1\ny = 2"


@given(st.lists(st.lists(st.sampled_from(["x = 1", "", "!ls", "# a"]), max_size=4), max_size=4))
def test_every_line_comes_from_somewhere(cells: list[list[str]]) -> None:
    source = notebook(*("\n".join(c) for c in cells))
    assert len(source.cells) == (len(source.text.split("\n")) if cells else 0)
    for line, (cell, inner) in zip(source.text.split("\n"), source.cells, strict=False):
        own = "\n".join(cells[int(cell) - 1]).split("\n")[inner - 1]
        assert line == ("pass" if own == "!ls" else own)


@pytest.mark.parametrize(
    ("line", "python"),
    [
        ("!pip install torch", "pass"),
        ("! ls", "pass"),
        ("%matplotlib inline", "pass"),
        ("    !nvidia-smi", "    pass"),
        ("nn.Linear?", "pass"),
        ("nn.Linear??", "pass"),
        ("?nn.Linear", "pass"),
        ("files = !ls", "files = None"),
        ("files = %sx ls", "files = None"),
        ("a, b = !ls", "a, b = None"),
        ("%time model = train(loader)", "model = train(loader)"),
        ("    %time step()", "    step()"),
    ],
)
def test_magic_becomes_what_python_understands(line: str, python: str) -> None:
    head = "if True:\n" if line.startswith(" ") else ""
    assert notebook(f"{head}{line}").text == f"{head}{python}"


@pytest.mark.parametrize(
    "code",
    [
        "optimizer.zero_grad()  # really?",
        "for x in loader:  # the whole set?\n    step(x)",
        "# what is this?",
        "print('done?')",
        "x = 7 % 2",
        "x = (7\n     % 2)",
        "print('%d'\n%i)",
        "x = a != b",
        "text = '''\n!ls\n'''",
        "await go()",
    ],
)
def test_what_only_looks_like_magic_stays(code: str) -> None:
    assert notebook(code).text == code
    assert notebook(code).problem == ""


@pytest.mark.parametrize("line", ["optimizer.zero_grad()  # really?", "x = a != b", "x = '50%'"])
def test_it_stays_beside_magic_too(line: str) -> None:
    assert notebook(f"!pip install torch\n{line}").text == f"pass\n{line}"


@pytest.mark.parametrize(
    "magic", ["%%time", "%%capture", "%%timeit -n 1", "%%prun", "%%capture --no-stderr out"]
)
def test_a_cell_that_is_only_measured_or_muted_is_python(magic: str) -> None:
    assert notebook(f"{magic}\noptimizer.step()").text == "\noptimizer.step()"


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile a.py", "%%html", "%%javascript", "\n%%sh"])
def test_a_cell_in_another_language_is_blank(magic: str) -> None:
    source = notebook(f"{magic}\noptimizer.step(", "x = 1")
    assert source.text.strip() == "x = 1"
    assert source.problem == ""


@pytest.mark.parametrize("text", ["", "x = 1", "{", "[" * 9000], ids=["empty", "code", "cut off", "deep"])
def test_what_is_no_notebook(text: str) -> None:
    assert parse_notebook(FILE, text).problem.startswith("it is no notebook: ")


@pytest.mark.parametrize(
    "text", ["[]", "3", "{}", '{"cells": 3}', '{"cells": [3, {"cell_type": "code", "source": 3}]}']
)
def test_what_holds_no_code(text: str) -> None:
    source = parse_notebook(FILE, text)
    assert (source.text, source.problem) == ("", "")


def test_a_mistake_in_a_cell() -> None:
    source = notebook("x = 1", "def f(:")
    assert source.problem == "it is not valid Python: invalid syntax"
    assert source.cells[source.line - 1] == ("2", 1)
