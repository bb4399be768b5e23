"""Which files a path stands for, and which of them have to do with training."""

from pathlib import Path

import pytest

from osler.static.files import concerned, python_files
from osler.static.sources import parse


def made(folder: Path, *names: str, **texts: str) -> None:
    """Empty files, and files with a text; `__` in a name of the latter is a slash."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for name, text in texts.items():
        (folder / name.replace("__", "/")).write_text(text)


def below(folder: Path, *start: str) -> list[str]:
    paths = [folder / s for s in start] or [folder]
    return [p.relative_to(folder).as_posix() for p in python_files(paths)]


def test_python_and_notebooks_in_order(tmp_path: Path) -> None:
    made(tmp_path, "b.py", "a.py", "pkg/z.py", "pkg/deep/x.ipynb", "note.txt", "a.pyc", "data.csv")
    assert below(tmp_path) == ["a.py", "b.py", "pkg/z.py", "pkg/deep/x.ipynb"]


@pytest.mark.parametrize(
    "folder", ["venv", ".venv", ".git", "build", "__pycache__", "node_modules", "lib/site-packages"]
)
def test_folders_that_hold_no_source_of_the_users(tmp_path: Path, folder: str) -> None:
    made(tmp_path, f"{folder}/a.py", "own.py")
    assert below(tmp_path) == ["own.py"]


@pytest.mark.parametrize("folder", ["builder", "environment", "dist_training", "src/env_maker"])
def test_folders_that_only_sound_like_them(tmp_path: Path, folder: str) -> None:
    made(tmp_path, f"{folder}/a.py")
    assert below(tmp_path) == [f"{folder}/a.py"]


@pytest.mark.parametrize("named", ["build/a.py", "venv", ".hidden/a.py", "script"])
def test_what_is_named_is_taken_as_it_is(tmp_path: Path, named: str) -> None:
    made(tmp_path, "build/a.py", "venv/a.py", ".hidden/a.py", "script")
    assert len(below(tmp_path, named)) == 1


def test_each_file_once(tmp_path: Path) -> None:
    made(tmp_path, "a.py", "b.py")
    assert below(tmp_path, "b.py", "", "a.py") == ["b.py", "a.py"]


def test_a_missing_file_is_passed_on(tmp_path: Path) -> None:
    """Reading it will say what is wrong."""
    assert below(tmp_path, "none.py") == ["none.py"]


def test_gitignore_is_read_as_git_does(tmp_path: Path) -> None:
    made(tmp_path, "a.py", "old/b.py", "keep/c.py", "keep/d.py", "sub/old/e.py", "sub/gen_1.py")
    made(tmp_path, **{".gitignore": "/old/\nkeep/*\n!keep/c.py\n", "sub__.gitignore": "gen_*.py\n"})
    assert below(tmp_path) == ["a.py", "keep/c.py", "sub/old/e.py"]


def test_rules_of_the_repository_hold_in_a_folder_of_it(tmp_path: Path) -> None:
    made(tmp_path, ".git/HEAD", "src/a.py", "src/gen_1.py")
    made(tmp_path, **{".gitignore": "gen_*.py\n"})
    assert below(tmp_path, "src") == ["src/a.py"]


def test_rules_above_the_repository_do_not_hold_in_it(tmp_path: Path) -> None:
    made(tmp_path, "own/.git/HEAD", "own/src/a.py")
    made(tmp_path, **{".gitignore": "*.py\n"})
    assert below(tmp_path, "own/src") == ["own/src/a.py"]


def test_nor_in_a_repository_inside_another(tmp_path: Path) -> None:
    made(tmp_path, ".git/HEAD", "own/.git/HEAD", "own/a.py")
    made(tmp_path, **{".gitignore": "*.py\n"})
    assert below(tmp_path, "own") == ["own/a.py"]


@pytest.mark.parametrize("named", ["runs", "runs/first"])
def test_an_ignored_folder_that_is_named_is_read(tmp_path: Path, named: str) -> None:
    made(tmp_path, ".git/HEAD", "runs/first/a.py")
    made(tmp_path, **{".gitignore": "runs/\n"})
    assert below(tmp_path, named) == ["runs/first/a.py"]
    assert below(tmp_path) == []


def test_a_broken_gitignore_ignores_nothing(tmp_path: Path) -> None:
    made(tmp_path, "a.py")
    (tmp_path / ".gitignore").write_bytes(b"\xff\xfe[\n")
    assert below(tmp_path) == ["a.py"]


def chosen(**texts: str) -> set[str]:
    """Which of these files are read at all."""
    read = [parse(Path("/p", f"{name}.py"), text.encode()) for name, text in texts.items()]
    return {str(s.path.relative_to("/p").with_suffix("")) for s in concerned(read)}


@pytest.mark.parametrize("name", ["torch", "lightning", "accelerate", "transformers", "timm", "torchvision"])
def test_a_file_that_names_torch_or_a_companion(name: str) -> None:
    assert chosen(train=f"import {name}\n", web="import flask\n") == {"train"}


@pytest.mark.parametrize(
    "statement",
    [
        "from model import Net",
        "from pkg.model import Net",
        "import model",
        "import pkg.model as m",
        "from . import model",
        "from pkg import model",
        "from pkg import data, model",
        "from pkg import (\n    data,\n    model as m,\n)",
        "import os, model",
        "def f():\n    from .model import Net",
    ],
)
def test_what_imports_it_and_what_it_imports(statement: str) -> None:
    assert chosen(main=statement, model="import torch\n", web="") == {"main", "model"}
    assert chosen(main=f"import torch\n{statement}\n", model="", web="") == {"main", "model"}


@pytest.mark.parametrize(
    "statement", ["import models", "from models import x", "model = 1", "# import model", "x.model()"]
)
def test_what_only_sounds_like_an_import_of_it(statement: str) -> None:
    assert chosen(main=statement, model="import torch\n") == {"model"}


def test_a_package_is_known_by_its_folder() -> None:
    assert chosen(main="import nets\n", **{"nets/__init__": "import torch\n"}) == {"main", "nets/__init__"}


def test_what_cannot_be_read_is_chosen_so_that_it_is_told() -> None:
    assert chosen(broken="def (", web="x = 1") == {"broken"}
