"""Whatever is in a file, reading it never ends in a traceback."""

import ast
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from osler.engine.catalogue import catalogue
from osler.engine.linting import lint, lint_sources
from osler.static.notebooks import parse_notebook
from osler.static.sources import parse
from osler.testing import PRELUDE

CHECKS = tuple(catalogue().values())
PROGRAMS = [p.read_text("utf-8") for p in (Path(__file__).parents[1] / "programs" / "reading").glob("*.py")]
LINES = [line for text in PROGRAMS for line in text.splitlines()]


def survives(text: str) -> None:
    lint_sources([parse(Path("/fuzz.py"), text.encode("utf-8", "surrogatepass"))], CHECKS)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_bytes(data: bytes) -> None:
    lint_sources([parse(Path("/fuzz.py"), b"import torch\n" + data)], CHECKS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(LINES), min_size=3, max_size=25))
def test_lines_of_real_programs_in_any_order(lines: list[str]) -> None:
    survives(PRELUDE + "\n".join(line.strip() for line in lines if not line.rstrip().endswith(":")))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(PROGRAMS), st.integers(0, 5000), st.sampled_from(["0", "()", "x", "self", "[]", "None"])
)
def test_one_expression_replaced(program: str, number: int, other: str) -> None:
    tree = ast.parse(PRELUDE + program)
    holders = [
        (node, name, value)
        for node in ast.walk(tree)
        for name, value in ast.iter_fields(node)
        if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load)
    ]
    node, name, _ = holders[number % len(holders)]
    setattr(node, name, ast.parse(other, mode="eval").body)
    survives(ast.unparse(ast.fix_missing_locations(tree)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\ufeffimport torch\n",
        "import torch\nx = " + "(" * 90 + "1" + ")" * 90,
        "import torch\nx = " + "-" * 5000 + "1",
        "import torch\nx = " + "+".join("1" for _ in range(3000)),
        "import torch\n" + "".join(f"{' ' * i}if x:\n" for i in range(95)) + " " * 95 + "pass",
        "import torch\nx" + ".a" * 2000,
        "import torch\nx" + "()" * 500,
        "import torch\ndef f(): f()\nf()",
        "import torch\nx = y = z = x",
        "import torch\nclass A(A): pass\nA()",
        "import torch\nfrom fuzz import *\nimport fuzz",
        "import torch\nx = [x for x in x for x in x]\n*a, b = x",
        "import torch\nmatch x:\n    case {'a': [1, *_]}: x += 1\n    case _: pass",
        "import torch\nmodel = torch.nn.Sequential()\nmodel.model = model\nmodel(model)\nmodel.eval()",
        "import torch\na = []\na.append(a)\nfor b in a: b(a)\ntorch.optim.SGD(a)",
        "import torch\nasync def f():\n    async with a as b:\n        async for c in b: await c.backward()",
        "# -*- coding: no-such-encoding -*-\nimport torch\n",
        "import torch\n\x00",
        "import torch\nreturn\nyield\nbreak",
    ],
)
def test_strange_files(text: str) -> None:
    survives(text)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"cells": 3}', '{"cells": [1, {"cell_type": "code"}]}', "{" * 5000]
)
def test_strange_notebooks(text: str) -> None:
    lint_sources([parse_notebook(Path("/fuzz.ipynb"), text)], CHECKS)


def test_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "again").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "itself.py").symlink_to(tmp_path / "itself.py")
    (tmp_path / "train.py").write_text(PRELUDE)
    verdict = lint([tmp_path], CHECKS)
    assert verdict.files == 2
    assert [Path(u.file).name for u in verdict.unread] == ["itself.py"]


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text("import torch\nx = [" + "1, " * 3_500_000 + "]\n")
    (unread,) = lint([tmp_path], CHECKS).unread
    assert unread.problem == "it has 10 MiB, more than 4 are not read"


def test_a_notebook_of_garbage(tmp_path: Path) -> None:
    (tmp_path / "a.ipynb").write_bytes(b"\xff\xfe\x00")
    assert len(lint([tmp_path], CHECKS).unread) == 1


def test_magics_do_not_hide_the_code() -> None:
    cells = ["!pip install torch", "%%bash\nls", "x = %timeit 3\nimport torch?\nimport torch"]
    text = json.dumps({"cells": [{"cell_type": "code", "source": c} for c in cells]})
    assert parse_notebook(Path("/a.ipynb"), text).problem == ""
