"""Facts read while they are written: complete lines, each of them once."""

from pathlib import Path

import pytest

from osler.store import factfile
from osler.store.factfile import FactFile
from osler.store.layout import FACTS
from osler.store.lines import to_line


def line(number: int) -> bytes:
    return to_line({"t": "note", "n": number}).encode()


def append(folder: Path, data: bytes) -> None:
    with (folder / FACTS).open("ab") as file:
        file.write(data)


def fresh(file: FactFile) -> list[object]:
    return [line["n"] for line in file.refresh()]


def test_each_line_is_read_once(tmp_path: Path) -> None:
    file = FactFile(tmp_path)
    append(tmp_path, line(0) + line(1))
    assert fresh(file) == [0, 1]
    assert fresh(file) == []
    append(tmp_path, line(2))
    assert fresh(file) == [2]
    assert (file.damaged, file.torn) == (0, 0)


@pytest.mark.parametrize("cut", [1, 5, len(line(1)) - 1])
def test_a_line_that_is_being_written_waits(tmp_path: Path, cut: int) -> None:
    file = FactFile(tmp_path)
    append(tmp_path, line(0) + line(1)[:-cut])
    assert fresh(file) == [0]
    assert (file.damaged, file.torn) == (0, len(line(1)) - cut)
    append(tmp_path, line(1)[-cut:])
    assert fresh(file) == [1]
    assert (file.damaged, file.torn) == (0, 0)


@pytest.mark.parametrize(
    "damaged",
    [
        line(1)[:-9] + b"\n",
        line(1).replace(b"1", b"2"),
        b"\n",
        b"null\n",
        b"\xff\xfe\n",
        b"{}\n",
        line(1)[5:],
    ],
    ids=["cut", "changed", "empty", "no object", "no text", "no checksum", "without its beginning"],
)
def test_a_damaged_line_spoils_no_other(tmp_path: Path, damaged: bytes) -> None:
    file = FactFile(tmp_path)
    append(tmp_path, line(0) + damaged + line(2))
    assert fresh(file) == [0, 2]
    assert (file.damaged, file.torn) == (1, 0)


def test_what_a_killed_process_left_is_joined_to_nothing(tmp_path: Path) -> None:
    """No process writes on where another was killed, but a disk may be full for a while."""
    file = FactFile(tmp_path)
    append(tmp_path, line(0) + line(1)[:7] + line(2) + line(3))
    assert fresh(file) == [0, 3]
    assert file.damaged == 1


@pytest.mark.parametrize("block", [len(line(0)) + 1, len(line(0)) + 9, 3 * len(line(0)), 1 << 22])
def test_however_much_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """A block that ends inside a line is read again from the beginning of that line."""
    monkeypatch.setattr(factfile, "BLOCK", block)
    file = FactFile(tmp_path)
    append(tmp_path, b"".join(map(line, range(9))) + line(9)[:4])
    assert fresh(file) == list(range(9))
    assert (file.damaged, file.torn) == (0, 4)


def test_a_line_longer_than_a_block_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line of ours is: a file of garbage without a line break must not take all memory."""
    monkeypatch.setattr(factfile, "BLOCK", 64)
    file = FactFile(tmp_path)
    append(tmp_path, b"x" * 1_000 + b"\n" + line(1))
    assert fresh(file) == [1]
    assert file.damaged > 0


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        fresh(FactFile(tmp_path))


def test_a_file_that_has_just_begun(tmp_path: Path) -> None:
    append(tmp_path, b"")
    file = FactFile(tmp_path)
    assert fresh(file) == []
    assert (file.damaged, file.torn) == (0, 0)
