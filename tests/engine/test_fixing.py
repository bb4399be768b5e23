"""A mended file keeps its encoding and its line ends, and is left alone if it was changed meanwhile."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from osler.engine.fixing import write
from osler.model import Edit
from osler.static.edits import applied

BEFORE, AFTER = "x = 1\ny = 2\n", "x = 1\ny = 3\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_line_ends_and_marks_stay(tmp_path: Path, end: str, encoding: str) -> None:
    file = tmp_path / "train.py"
    file.write_bytes(BEFORE.replace("\n", end).encode(encoding))
    assert write(file, BEFORE, AFTER) == ""
    assert file.read_bytes() == AFTER.replace("\n", end).encode(encoding)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("latin-1", "é"), ("cp1252", "€"), ("shift_jis", "学"), ("utf-8", "损失 é €"), ("koi8-r", "шаг")],
)
def test_the_encoding_that_a_file_declares_stays(tmp_path: Path, encoding: str, text: str) -> None:
    head = f"# -*- coding: {encoding} -*-\n# {text}\n"
    file = tmp_path / "train.py"
    file.write_bytes((head + BEFORE).encode(encoding))
    assert write(file, head + BEFORE, head + AFTER) == ""
    assert file.read_bytes() == (head + AFTER).encode(encoding)


def test_a_character_that_the_encoding_lacks(tmp_path: Path) -> None:
    head = "# -*- coding: latin-1 -*-\n"
    file = tmp_path / "train.py"
    file.write_text(head + BEFORE, encoding="latin-1")
    assert write(file, head + BEFORE, head + "x = '学'\n") == "its encoding lacks a character"
    assert file.read_text(encoding="latin-1") == head + BEFORE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"x = 1\ny = 4\n", "it was changed meanwhile"),
        (b"", "it was changed meanwhile"),
        (b"x = 1\r\ny = 2\n", "its line ends are mixed"),
        (b"x = 1\ny = 2\r\n", "its line ends are mixed"),
    ],
    ids=["edited", "emptied", "mixed", "mixed the other way"],
)
def test_what_is_not_as_it_was_read_is_left_alone(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "train.py"
    file.write_bytes(content)
    assert write(file, BEFORE, AFTER) == reason
    assert file.read_bytes() == content


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert write(tmp_path / "train.py", BEFORE, AFTER) == "No such file or directory"
    assert write(tmp_path, BEFORE, AFTER) == "Is a directory"


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"], ids=["none", "one", "several"])
def test_the_end_of_a_file_stays(tmp_path: Path, end: str) -> None:
    file = tmp_path / "train.py"
    file.write_bytes(f"x = 1{end}".encode())
    assert write(file, f"x = 1{end}", f"x = 2{end}") == ""
    assert file.read_bytes() == f"x = 2{end}".encode()


WORDS = st.text("ab =\n()é学", max_size=30)


@given(WORDS, WORDS, st.integers(0, 30), st.integers(0, 30))
def test_an_edit_changes_its_stretch_and_nothing_else(text: str, new: str, first: int, second: int) -> None:
    start, end = sorted((min(first, len(text)), min(second, len(text))))
    after = applied(text, [Edit("train.py", start, end, new)])
    assert after == text[:start] + new + text[end:]


@given(WORDS, st.data())
def test_the_order_of_edits_does_not_matter(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=6)))
    edits = [
        Edit("train.py", start, end, data.draw(WORDS))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    ]
    expected = applied(text, edits)
    assert applied(text, edits[::-1]) == expected
    assert applied(text, data.draw(st.permutations(edits))) == expected


@given(WORDS)
def test_no_edits_change_nothing(text: str) -> None:
    assert applied(text, []) == text
