"""A script is found and started as Python would; where there is none, what may have been meant is said."""

import py_compile
import runpy
import sys
import zipfile
from pathlib import Path

import pytest

from osler.errors import UsageError
from osler.runtime.entrance import (
    RUN_AS_MAIN,
    NeverStarted,
    Target,
    absolute,
    enter,
    innermost_code,
    prepare,
    read,
    read_compiled,
)

SCRIPT = """\
'''A script.'''
import sys
seen = {
    "argv": sys.argv,
    "first": sys.path[0],
    "name": __name__,
    "file": __file__,
    "doc": __doc__,
    "package": __package__,
    "main": sys.modules["__main__"].__dict__ is globals(),
}
sys.modules["__main__"].seen = seen
"""


@pytest.fixture(autouse=True)
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a script; whatever starting it changes in this process is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["osler", "run", "train.py"])
    monkeypatch.setattr(sys, "path", ["where osler lives", *sys.path])
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    Path("train.py").write_text(SCRIPT)


def run(target: Target) -> dict[str, object]:
    """What the script saw."""
    prepare(target)()
    return sys.modules["__main__"].seen  # pyright: ignore


def test_a_script_sees_what_it_would_see_under_python(tmp_path: Path) -> None:
    assert run(Target("train.py", None, ("--lr", "0.1"))) == {
        "argv": ["train.py", "--lr", "0.1"],
        "first": str(tmp_path),
        "name": "__main__",
        "file": str(tmp_path / "train.py"),
        "doc": "A script.",
        "package": None,
        "main": True,
    }


def test_the_folder_of_a_linked_script_is_the_real_one(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links/train.py").symlink_to(tmp_path / "train.py")
    seen = run(Target("links/train.py", None))
    assert (seen["first"], seen["file"]) == (str(tmp_path), f"{tmp_path}/links/train.py")


def test_a_compiled_script(tmp_path: Path) -> None:
    py_compile.compile("train.py", "train.pyc", dfile="train.py")
    assert run(Target("train.pyc", None))["file"] == str(tmp_path / "train.pyc")


def test_a_folder_with_a_main(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "train.py").rename("project/__main__.py")
    seen = run(Target("project", None, ("3",)))
    assert (seen["argv"], seen["first"], seen["package"]) == (["project", "3"], f"{tmp_path}/project", "")


def test_a_zip_file_with_a_main(tmp_path: Path) -> None:
    with zipfile.ZipFile("project.zip", "w") as archive:
        archive.write("train.py", "__main__.py")
    assert run(Target("project.zip", None))["file"] == f"{tmp_path}/project.zip/__main__.py"


def test_a_module(tmp_path: Path) -> None:
    Path("pkg_of_entrance").mkdir()
    Path("pkg_of_entrance/__init__.py").touch()
    Path("train.py").rename("pkg_of_entrance/train.py")
    try:
        seen = run(Target(None, "pkg_of_entrance.train", ("3",)))
    finally:
        sys.modules.pop("pkg_of_entrance", None)
    file = f"{tmp_path}/pkg_of_entrance/train.py"
    assert (seen["argv"], seen["file"], seen["package"]) == ([file, "3"], file, "pkg_of_entrance")
    assert seen["first"] == str(tmp_path)


def test_nothing_is_run_before_it_is_asked_for() -> None:
    Path("train.py").write_text("raise SystemError")
    start = prepare(Target("train.py", None))
    assert sys.argv == ["osler", "run", "train.py"]
    with pytest.raises(SystemError):
        start()


def test_what_was_read_is_what_runs() -> None:
    """Edited between the look and the start, it does not change under the reader's eyes."""
    start = prepare(Target("train.py", None))
    Path("train.py").write_text("raise SystemError")
    start()
    assert sys.modules["__main__"].seen["name"] == "__main__"  # pyright: ignore


@pytest.mark.parametrize(
    "source", ["raise ValueError('x')", "def f(:", "import sys; sys.exit('no data')", "print('\xff')"]
)
def test_the_script_s_own_errors_are_its_own(source: str) -> None:
    Path("train.py").write_bytes(source.encode("latin-1"))
    with pytest.raises((ValueError, SyntaxError, SystemExit)):
        prepare(Target("train.py", None))()


# --- there is none


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ("trian.py", "Did you mean train.py?"),
        ("train", "Did you mean train.py?"),
        ("sub/main.py", "Check the name and the current directory."),
        ("train.py/main.py", "Check the name and the current directory."),
        ("validate.sh", "Check the name and the current directory."),
        ("", "Check the name and the current directory."),
    ],
)
def test_a_missing_script(given: str, fix: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        prepare(Target(given, None))
    looked_for = f"{tmp_path}/{given}"
    assert str(caught.value) == (
        f"there is no script {given!r}: looked for {looked_for} (current directory {tmp_path})"
    )
    assert caught.value.fix == fix


def test_what_was_meant_is_looked_for_where_it_was_said(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/model.py").touch()
    with pytest.raises(UsageError) as caught:
        prepare(Target("src/modle.py", None))
    assert caught.value.fix == f"Did you mean {Path('src/model.py')}?"


@pytest.mark.parametrize("content", [b"\0", b"\x89PNG\0\0", b"x = 1\0"])
def test_binary_data_is_no_script(content: bytes) -> None:
    Path("weights.pt").write_bytes(content)
    with pytest.raises(UsageError, match=r"^weights\.pt is not a Python script: it contains binary data$"):
        read("weights.pt")


def test_what_is_no_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r": Is a directory$") as caught:
        read("../" + tmp_path.name)
    assert caught.value.fix == "Check that it is a file and that you may read it."


def test_an_empty_folder_is_no_script() -> None:
    Path("empty").mkdir()
    with pytest.raises(NeverStarted) as caught:
        prepare(Target("empty", None))()
    assert "can't find '__main__' module in" in str(caught.value)
    assert caught.value.fix == "Name the script inside it, or add a `__main__.py`."


@pytest.mark.parametrize("name", ["no_such_module", "train.py", "email.no_such"])
def test_a_missing_module(name: str, tmp_path: Path) -> None:
    with pytest.raises(NeverStarted) as caught:
        prepare(Target(None, name))()
    assert not str(caught.value).startswith(sys.executable)
    assert f"looked up from {tmp_path}" in caught.value.fix


def test_a_compiled_file_without_code() -> None:
    import importlib.util
    import marshal

    with pytest.raises(NeverStarted, match="holds no code"):
        read_compiled(importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(3))


def test_a_module_that_leaves_by_itself_was_started() -> None:
    Path("leaves_of_entrance.py").write_text("raise SystemExit('leaves_of_entrance: no data')")
    with pytest.raises(SystemExit, match=r"^leaves_of_entrance: no data$"):
        prepare(Target(None, "leaves_of_entrance"))()


# --- details of the scene


@pytest.mark.parametrize(
    ("path", "shown"),
    [("a.py", "{here}/a.py"), ("./b/../a.py", "{here}/./b/../a.py"), ("/x/a.py", "/x/a.py")],
)
def test_paths_are_completed_and_not_tidied(path: str, shown: str, tmp_path: Path) -> None:
    assert absolute(path) == shown.format(here=tmp_path)


def test_osler_s_own_folder_leaves_the_search_path(tmp_path: Path) -> None:
    rest = sys.path[1:]
    main = enter(["train.py"], str(tmp_path))
    assert sys.path == [str(tmp_path), *rest]
    assert sys.modules["__main__"] is main
    assert main.__dict__["__builtins__"].print is print


def test_each_script_gets_a_main_of_its_own() -> None:
    first = enter(["a.py"], "/a")
    first.left_over = 1  # pyright: ignore
    assert not hasattr(enter(["b.py"], "/b"), "left_over")


def test_who_raised() -> None:
    with pytest.raises(KeyError) as caught:
        {}["x"]
    code = innermost_code(caught.value)
    assert code is not None
    assert code.co_name == "test_who_raised"
    assert innermost_code(KeyError()) is None


def test_python_s_own_starter_is_where_we_look_for_it() -> None:
    assert runpy._run_module_as_main is RUN_AS_MAIN
