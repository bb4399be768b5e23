"""An import leads to the file that Python would load; files that import each other belong together."""

from pathlib import Path

import pytest

from osler.static.project import Project, project
from osler.static.sources import parse

FOLDER = Path("/home/user")


def found(tree: Project, start: str, name: str, level: int) -> str:
    source = tree.find(tree.sources[str(FOLDER / start)], name, level)
    return source.path.relative_to(FOLDER).as_posix() if source else ""


NESTED = project(
    [
        parse(FOLDER / name, b"")
        for name in ("train.py", "data.py", "pkg/__init__.py", "pkg/data.py", "pkg/net.py", "pkg/sub/deep.py")
    ]
)


@pytest.mark.parametrize(
    ("start", "name", "level", "file"),
    [
        ("train.py", "data", 0, "data.py"),
        ("train.py", "pkg", 0, "pkg/__init__.py"),
        ("train.py", "pkg.net", 0, "pkg/net.py"),
        ("train.py", "pkg.sub.deep", 0, "pkg/sub/deep.py"),
        ("pkg/net.py", "pkg.data", 0, "pkg/data.py"),
        ("pkg/sub/deep.py", "train", 0, "train.py"),
        ("pkg/net.py", "data", 0, "pkg/data.py"),
        ("pkg/net.py", "data", 1, "pkg/data.py"),
        ("pkg/net.py", "", 1, "pkg/__init__.py"),
        ("pkg/sub/deep.py", "net", 2, "pkg/net.py"),
        ("pkg/sub/deep.py", "", 2, "pkg/__init__.py"),
    ],
)
def test_what_an_import_leads_to(start: str, name: str, level: int, file: str) -> None:
    assert found(NESTED, start, name, level) == file


@pytest.mark.parametrize(
    ("start", "name", "level"),
    [
        ("train.py", "torch", 0),
        ("train.py", "net", 0),
        ("train.py", "pkg.none", 0),
        ("train.py", "pkg.sub", 0),
        ("pkg/net.py", "train", 1),
        ("pkg/sub/deep.py", "data", 1),
        ("pkg/sub/deep.py", "sub", 3),
    ],
    ids=["outside", "below", "missing", "no __init__", "above", "above its folder", "too high"],
)
def test_what_lies_outside(start: str, name: str, level: int) -> None:
    assert found(NESTED, start, name, level) == ""


def groups(**texts: str) -> list[set[str]]:
    read = [parse(FOLDER / f"{name}.py", text.encode()) for name, text in texts.items()]
    return [{s.path.stem for s in group} for group in project(read).groups()]


def test_files_that_import_each_other_belong_together() -> None:
    assert groups(train="import net", net="", other="import json") == [{"train", "net"}, {"other"}]


@pytest.mark.parametrize(
    "statement",
    [
        "import net",
        "import os, net as n",
        "from net import Net",
        "from . import net",
        "from .net import Net",
        "def f():\n    import net",
        "try:\n    import net\nexcept ImportError:\n    pass",
    ],
)
def test_every_form_of_import_counts(statement: str) -> None:
    assert groups(train=statement, net="") == [{"train", "net"}]


@pytest.mark.parametrize("text", ["import network", "net = 1", "from net2 import net", "'import net'"])
def test_what_is_no_import_of_it(text: str) -> None:
    assert groups(train=text, net="") == [{"train"}, {"net"}]


def test_through_others_too_and_in_circles() -> None:
    assert groups(a="import b", b="import c", c="import a", d="import c") == [{"a", "b", "c", "d"}]


def test_nothing_to_read() -> None:
    assert project([]).groups() == []
