"""A file of source is read whatever is wrong with it; the problem is said in one clause."""

import ast
from pathlib import Path

import pytest

from osler.static import sources
from osler.static.sources import dotted, parse, read, survey

FILE = Path("/home/user/train.py")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"def f(:\n", "it is not valid Python: invalid syntax"),
        (b"x = 'a\n", "it is not valid Python: unterminated string literal (detected at line 1)"),
        (b"x = 1\n\0", "it contains null bytes"),
        (b"x = '\xff'\n", "its encoding is wrong"),
        (b"# coding: klingon\n", "its encoding is wrong: unknown encoding: klingon"),
        (b"x = " + b"-" * 200 + b"1\n", "it is nested too deeply"),
        (b"x = " + b"(" * 300 + b")" * 300, "it is not valid Python: too many nested parentheses"),
    ],
)
def test_what_cannot_be_parsed(data: bytes, problem: str) -> None:
    source = parse(FILE, data)
    assert source.problem.startswith(problem)
    assert source.tree is None


def test_the_line_of_a_mistake_is_told() -> None:
    assert parse(FILE, b"x = 1\ny = (\nz = 2\n").line == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"# only a comment",
        b"\xef\xbb\xbfx = 1\n",
        b"x = 1\r\ny = 2\r\n",
        b"# -*- coding: latin-1 -*-\nx = '\xe9'\n",
        b"x = '\\d'\n",
        b"if 1 is 1: pass\n",
        b"return\n",
        b"x = " + b"-" * 100 + b"1\n",
    ],
    ids=[
        "empty",
        "comment",
        "byte order mark",
        "Windows",
        "latin-1",
        "escape that warns",
        "comparison that warns",
        "return outside",
        "nested",
    ],
)
def test_what_is_unusual_but_fine(data: bytes) -> None:
    source = parse(FILE, data)
    assert source.problem == ""
    assert source.tree is not None


def test_the_encoding_of_a_file_is_the_one_it_declares() -> None:
    assert "é" in parse(FILE, b"# -*- coding: latin-1 -*-\nx = '\xe9'\n").text


def test_a_file_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    source = read(tmp_path / "a.py")
    assert (source.text, source.problem, source.file) == ("x = 1\n", "", str(tmp_path / "a.py"))


def test_what_is_no_file(tmp_path: Path) -> None:
    assert read(tmp_path / "none.py").problem == "No such file or directory"
    assert read(tmp_path).problem == "Is a directory"
    assert read(Path("a\0b.py")).problem == "it cannot be read"


def test_a_file_of_just_the_limit_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LARGEST", 1 << 20)
    (tmp_path / "a.py").write_text("#" * (1 << 20))
    assert read(tmp_path / "a.py").problem == ""
    (tmp_path / "a.py").write_text("#" * ((1 << 20) + 1))
    assert read(tmp_path / "a.py").problem == "it has 1 MiB, more than 1 are not read"


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("a", "a"),
        ("a.b.c", "a.b.c"),
        ("a().b", ""),
        ("a[0].b", ""),
        ("a.b()", ""),
        ("'a'.b", ""),
    ],
)
def test_dotted_names(expression: str, text: str) -> None:
    assert dotted(ast.parse(expression, mode="eval").body) == text


def test_usage_is_what_is_done_to_each_name_anywhere() -> None:
    usage = survey(
        ast.parse(
            "def f(net, opt):\n"
            "    for x, y in enumerate(loader, 1):\n"
            "        self.net(x)\n"
            "        self.net.train()\n"
            "    opt.step(); opt.zero_grad()\n"
            "    opt.param_groups\n"
            "    f()[0].step()\n"
        )
    ).usage
    assert usage["self.net"] == {"()", "train"}
    assert usage["opt"] == {"step", "zero_grad"}
    assert usage["loader"] == {"for"}
    assert "net" not in usage
    assert usage[""] == {"step"}


def test_imports_are_found_at_any_depth() -> None:
    tree = ast.parse("import a\ndef f():\n    try:\n        from b import c\n    except ImportError: pass\n")
    assert [ast.unparse(i) for i in survey(tree).imports] == ["import a", "from b import c"]
