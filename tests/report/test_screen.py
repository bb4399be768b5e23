"""Osler's own way to the terminal: it survives what scripts do to theirs."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from osler.report.screen import NARROWEST, WIDEST, Screen, screen_on


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.delenv("COLUMNS", raising=False)
    _reader, writer = pty.openpty()
    return writer


def test_a_file_is_plain_and_wide(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        screen = screen_on(file.fileno(), {})
        assert (screen.is_terminal, screen.has_color, screen.width) == (False, False, WIDEST)


@pytest.mark.parametrize(
    ("environment", "is_terminal", "has_color"),
    [
        ({}, True, True),
        ({"TERM": "xterm"}, True, True),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_terminals(environment: dict[str, str], is_terminal: bool, has_color: bool, terminal: int) -> None:
    screen = screen_on(terminal, environment)
    assert (screen.is_terminal, screen.has_color) == (is_terminal, has_color)


@pytest.mark.parametrize(("columns", "width"), [("20", NARROWEST), ("80", 80), ("200", WIDEST)])
def test_width(columns: str, width: int, terminal: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert screen_on(terminal, {}).width == width


def test_everything_is_written(tmp_path: Path) -> None:
    file = tmp_path / "log"
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    Screen(descriptor).write("größe" * 100_000)
    assert file.read_text("utf-8") == "größe" * 100_000


def test_what_the_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    file = tmp_path / "log"
    Screen(os.open(file, os.O_WRONLY | os.O_CREAT), "ascii").write("größe")
    assert file.read_bytes() == b"gr\\xf6\\xdfe"


def test_a_reader_that_has_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    Screen(writer).write("text")


def test_nowhere_to_write_is_no_error() -> None:
    Screen(None).write("text")


WRITE_LATER = """
import os, sys
from osler.report.screen import own_stderr
screen = own_stderr()
{what_the_script_does}
screen.write("osler was here")
"""


@pytest.mark.parametrize(
    "what_the_script_does",
    ["pass", "sys.stderr.close()", "os.close(2)", "sys.stderr = None", "os.dup2(os.open(os.devnull, 1), 2)"],
)
def test_the_script_may_do_anything_to_stderr(what_the_script_does: str) -> None:
    program = WRITE_LATER.format(what_the_script_does=what_the_script_does)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == "osler was here"


def test_a_process_without_stderr_has_nowhere_to_write() -> None:
    program = WRITE_LATER.format(what_the_script_does="print(screen.descriptor)")
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "None\n")
