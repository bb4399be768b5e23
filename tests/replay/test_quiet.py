"""What is printed, and what goes into files that are open already, is held back."""

import os
import sys
from pathlib import Path

import pytest

from osler.replay.quiet import Held, written_files


def test_a_file_that_is_open_gets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    with path.open("w") as file:
        file.write("before\n")
        held = Held(file.fileno())
        file.write("during\n")
        assert "during" in held.text()
        held.release()
        file.write("after\n")
    assert path.read_text() == "before\nafter\n"


def test_some_are_released_before_others(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as one, (tmp_path / "b").open("w") as other:
        held = Held(one.fileno(), other.fileno())
        one.write("x")
        held.release(one.fileno())
        one.write("y")
        other.write("z")
        held.release()
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("y", "")


def test_what_was_let_go_has_no_text(tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as file:
        held = Held(file.fileno())
        file.write("x")
        held.release()
        assert held.text() == ""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_open_files_are_found(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("")
    with (tmp_path / "a").open("w") as one, (tmp_path / "b").open() as other:
        found = written_files()
        assert one.fileno() in found
        assert other.fileno() not in found
        assert all(os.fstat(number) for number in found)
