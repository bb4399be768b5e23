"""Commit and changes of the folder that the script is in."""

import subprocess
import time
from pathlib import Path

import pytest

from osler.store.git import GitQuery

IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@b"]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def asked(folder: Path) -> tuple[str, bool | None]:
    query = GitQuery(folder)
    while not query.is_over:
        time.sleep(0.01)
    return query.answer()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "train.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_repository(repository: Path) -> None:
    assert asked(repository) == (git(repository, "rev-parse", "HEAD"), False)


def test_a_changed_file(repository: Path) -> None:
    (repository / "train.py").write_text("x = 2\n")
    assert asked(repository) == (git(repository, "rev-parse", "HEAD"), True)


def test_a_new_file_that_git_does_not_follow(repository: Path) -> None:
    (repository / "notes.txt").write_text("")
    assert asked(repository)[1] is False


def test_no_repository(tmp_path: Path) -> None:
    assert asked(tmp_path) == ("", None)


def test_a_git_that_takes_too_long_is_stopped(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("osler.store.git.COMMAND", ["sleep", "60"])
    monkeypatch.setattr("osler.store.git.PATIENCE", 0.05)
    assert asked(repository) == ("", None)
