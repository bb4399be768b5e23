"""Run directories: their names, their folders, and a clear word when there can be none."""

import os
from pathlib import Path

import pytest

from osler.errors import StoreError
from osler.store import layout
from osler.store.layout import birth, new_run, process_folder, process_folders, write_whole


def test_runs_ignore_themselves(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    assert run.parent == tmp_path / ".osler" / "runs"
    assert (tmp_path / ".osler" / ".gitignore").read_text() == "*\n"


def test_a_gitignore_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / ".osler").mkdir()
    (tmp_path / ".osler" / ".gitignore").write_text("runs/\n")
    new_run(tmp_path)
    assert (tmp_path / ".osler" / ".gitignore").read_text() == "runs/\n"


def test_many_at_once_are_different(tmp_path: Path) -> None:
    assert len({new_run(tmp_path).name for _ in range(50)}) == 50


def test_names_sort_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(layout.datetime):
        at = 0.0

        @classmethod
        def now(cls, tz: object = None) -> layout.datetime:
            cls.at += 86_399
            return layout.datetime.fromtimestamp(cls.at, layout.UTC)

    monkeypatch.setattr(layout, "datetime", Clock)
    names = [layout.run_id() for _ in range(500)]
    assert names == sorted(names)


def test_where_no_directory_can_be_made(tmp_path: Path) -> None:
    (tmp_path / ".osler").write_text("in the way")
    with pytest.raises(StoreError, match=f"cannot make a run directory in {tmp_path}/.osler: ") as caught:
        new_run(tmp_path)
    assert caught.value.fix == "Choose another place with `--run-dir`, or record nothing with `--no-store`."


def test_ranks_come_first(tmp_path: Path) -> None:
    for rank in (None, 11, 2, 0, None):
        process_folder(tmp_path, rank)
    (tmp_path / "r1").mkdir()
    (tmp_path / "notes.txt").write_text("")
    pid = os.getpid()
    assert [name for name, _ in process_folders(tmp_path)] == [
        "r00000",
        "r00002",
        "r00011",
        f"p{pid}",
        f"p{pid}-1",
    ]


def test_a_file_is_replaced_in_one_stroke(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_whole(path, "first")
    write_whole(path, "second")
    assert path.read_text() == "second"
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_what_was_half_written_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "report.json", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_gone_has_no_birth() -> None:
    assert birth(1 << 30) == ""
