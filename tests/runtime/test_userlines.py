"""The user's lines on the stack, and nobody else's."""

import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from types import FrameType

import pytest

import osler
from osler.model import Site
from osler.runtime.userlines import UserLines, line_of

HERE = __file__
OSLER = str(Path(osler.__file__).parent)
STDLIB = sysconfig.get_paths()["stdlib"]


def here() -> FrameType:
    return sys._getframe(1)


def function_in(file: str, source: str, **scope: object) -> Callable[..., object]:
    """The function `f` of a source text that claims to be a file."""
    exec(compile(source, file, "exec"), scope)
    return scope["f"]  # pyright: ignore


def site_of_call_from(lines: UserLines, *files: str) -> Site:
    """The site seen by a function in the first file, called from the second, called from the third.

    Every call stands in line 2 of its file; this test itself is at the outer end.
    """
    inner: Callable[..., object] = lambda: lines.site(sys._getframe(1))  # noqa: E731
    for file in files:
        inner = function_in(file, "def f():\n    return inner()\n", inner=inner)
    return inner()  # pyright: ignore


@pytest.mark.parametrize(
    ("file", "is_users"),
    {
        "/home/me/train.py": True,
        "train.py": True,
        "/home/me/python/train.py": True,
        "/tmp/ipykernel_41/3049.py": True,
        "<ipython-input-4-ae3>": True,
        "<stdin>": True,
        "<doctest train[2]>": True,
        f"{OSLER}_experiments/train.py": True,
        f"{STDLIB}-projects/train.py": True,
        "<string>": False,
        "<frozen importlib._bootstrap>": False,
        "<eval_with_key>.7": False,
        "<__array_function__ internals>": False,
        f"{STDLIB}/threading.py": False,
        f"{OSLER}/session.py": False,
        f"{OSLER}/runtime/watcher.py": False,
        "/home/me/.venv/lib/python3.12/site-packages/torch/nn/modules/module.py": False,
        "/home/me/.venv/lib/python3.12/site-packages/lightning/trainer.py": False,
        "/usr/lib/python3/dist-packages/numpy/core.py": False,
    }.items(),
)
def test_whose_file_it_is(file: str, is_users: bool) -> None:
    assert UserLines().is_user_file(file) is is_users


@pytest.mark.parametrize(
    ("file", "is_users"),
    {
        "/venv/site-packages/mine/model.py": True,
        "/venv/site-packages/mine/deep/down.py": True,
        "/venv/site-packages/mine_not/model.py": False,
        "/venv/site-packages/torch/nn.py": False,
        f"{STDLIB}/threading.py": False,
        "<string>": False,
    }.items(),
)
def test_a_directory_can_be_declared_the_users_own(file: str, is_users: bool) -> None:
    assert UserLines(own=("/venv/site-packages/mine",)).is_user_file(file) is is_users


def test_the_innermost_line_comes_first_with_its_function() -> None:
    site = site_of_call_from(UserLines(), "/me/model.py", "/me/loop.py")
    assert [(p.file, p.line, p.function) for p in site[:2]] == [
        ("/me/model.py", 2, "f"),
        ("/me/loop.py", 2, "f"),
    ]


@pytest.mark.parametrize(
    ("files", "seen"),
    [
        (["/me/a.py"], ["/me/a.py", HERE, HERE]),
        (["/me/a.py", "/me/b.py"], ["/me/a.py", "/me/b.py", HERE]),
        (["/me/a.py", "/me/b.py", "/me/c.py", "/me/d.py"], ["/me/a.py", "/me/b.py", "/me/c.py"]),
        (["/x/site-packages/torch/a.py", "/me/a.py"], ["/me/a.py", HERE, HERE]),
        (["/me/a.py", "/x/site-packages/torch/a.py", "/me/b.py"], ["/me/a.py", "/me/b.py", HERE]),
        ([f"{OSLER}/a.py", "<string>", f"{STDLIB}/a.py"], [HERE, HERE]),
    ],
    ids=str,
)
def test_other_peoples_frames_are_skipped(files: list[str], seen: list[str]) -> None:
    assert [p.file for p in site_of_call_from(UserLines(), *files)] == seen


def test_nothing_above_the_users_module_level_is_of_interest() -> None:
    lines = UserLines()
    scope: dict[str, object] = {"see": lambda: lines.site(sys._getframe(1))}
    exec(compile("\n\nsite = see()\n", "/me/train.py", "exec"), scope)
    site: Site = scope["site"]  # pyright: ignore
    assert [(p.file, p.line, p.function) for p in site] == [("/me/train.py", 3, "<module>")]


def test_equal_sites_are_one_object() -> None:
    lines = UserLines()
    first, second = (lines.site(here()) for _ in range(2))
    assert first is second


def test_two_calls_in_one_line_are_one_site() -> None:
    lines = UserLines()
    pair = (lines.site(here()), lines.site(here()))
    assert pair[0] is pair[1]


def test_two_lines_are_two_sites() -> None:
    lines = UserLines()
    first = lines.site(here())
    second = lines.site(here())
    assert second[0].line == first[0].line + 1


def test_the_same_line_from_two_callers_is_two_sites() -> None:
    lines = UserLines()
    first = site_of_call_from(lines, "/me/model.py", "/me/train.py")
    second = site_of_call_from(lines, "/me/model.py", "/me/evaluate.py")
    assert first[0] == second[0]
    assert first != second


def test_no_frame_is_the_empty_site() -> None:
    assert UserLines().site(None) == ()


def test_a_stack_without_user_lines_is_the_empty_site() -> None:
    lines = UserLines()
    found: list[object] = []
    source = "def f():\n    frame = here()\n    found.extend((lines.site(frame), lines.frame(frame)))\n"
    thread = Thread(target=function_in("<string>", source, here=here, found=found, lines=lines))
    thread.start()
    thread.join()
    assert found == [(), None]


def test_the_innermost_user_frame_is_found_behind_the_librarys() -> None:
    lines = UserLines()
    source = "def f():\n    return lines.frame(here())\n"
    assert function_in("/x/site-packages/a.py", source, lines=lines, here=here)() is here()


def test_a_users_frame_is_found_where_it_is() -> None:
    frame = here()
    assert UserLines().frame(frame) is frame


def test_every_instruction_knows_its_line() -> None:
    code = compile("a = 1\n\nb = (a +\n     2)\n", "/me/a.py", "exec")
    lines = {line_of(code, start) for start, _, line in code.co_lines() if line}
    assert {1, 3, 4} <= lines


def test_an_instruction_beyond_the_code_has_no_line() -> None:
    code = compile("a = 1", "/me/a.py", "exec")
    assert line_of(code, 10_000) == 0
