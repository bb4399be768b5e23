"""The run that a user means: by path, id, beginning, or the latest."""

import os
from pathlib import Path

import pytest

from osler.errors import OslerError, StoreError, UsageError
from osler.store.locate import find_run, home_above, home_of, runs_in

FIRST = "20260101-000000-aaaaaaaa"
SECOND = "20260101-000000-aaaabbbb"
THIRD = "20260102-000000-cccccccc"


def make(folder: Path, *, written: int | None = None) -> Path:
    """A run directory; ``written`` is when, in seconds since 1970."""
    (folder / "r00000").mkdir(parents=True)
    if written is not None:
        os.utime(folder, (written, written))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "project/.osler/runs"
    for name in (THIRD, FIRST, SECOND):
        make(home / name)
    os.utime(home / FIRST, (1, 1))
    return home


@pytest.fixture
def project(home: Path) -> Path:
    return home.parents[1]


def complaint(given: str | None, here: Path) -> tuple[type[OslerError], str, str]:
    with pytest.raises(OslerError) as caught:
        find_run(given, here)
    return caught.type, str(caught.value), caught.value.fix


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, THIRD),
        (THIRD, THIRD),
        ("20260102", THIRD),
        ("20260101-000000-aaaab", SECOND),
        (f".osler/runs/{FIRST}", FIRST),
        (f"./.osler/runs/{FIRST}/", FIRST),
    ],
)
def test_what_is_found(given: str | None, name: str, project: Path, home: Path) -> None:
    assert find_run(given, project) == home / name


def test_searched_upwards_like_git(project: Path, home: Path) -> None:
    deep = project / "src/deep"
    deep.mkdir(parents=True)
    assert find_run(None, deep) == home / THIRD
    assert find_run("20260102", deep) == home / THIRD


def test_the_nearest_home_wins(project: Path) -> None:
    inner = make(project / "inner/.osler/runs" / FIRST)
    assert find_run(None, project / "inner") == inner


def test_a_path_wins_over_an_id(project: Path) -> None:
    here = make(project / "20260102")
    assert find_run("20260102", project) == here


def test_an_id_wins_over_longer_ones(home: Path, project: Path) -> None:
    make(home / "base")
    make(home / "base-2")
    assert find_run("base", project) == home / "base"


def test_the_latest_of_a_second_and_of_runs_with_names_of_their_own(home: Path, project: Path) -> None:
    assert [path.name for path in runs_in(home)] == [FIRST, SECOND, THIRD]
    make(home / "base", written=1_767_355_200)  # 2026-01-02 12:00 UTC
    assert find_run(None, project) == home / "base"
    os.utime(home / "base", (0, 0))
    assert find_run(None, project) == home / THIRD


def test_what_is_no_run_is_not_listed(home: Path) -> None:
    (home / "notes.txt").write_text("x")
    (home / "empty").mkdir()
    (home / "link").symlink_to(home / "nowhere")
    assert [path.name for path in runs_in(home)] == [FIRST, SECOND, THIRD]


def test_several_may_be_meant(home: Path, project: Path) -> None:
    message = f"'2026' may be any of 3 runs: {THIRD}, {SECOND}, {FIRST}"
    assert complaint("2026", project) == (UsageError, message, "Give more of its name.")
    make(home / "20260103-000000-dddddddd")
    assert complaint("2026", project)[1].endswith(f"{SECOND}, 1 more")


def test_no_such_run(home: Path, project: Path) -> None:
    message = f"there is no run '20260102-000000-cccccccd' in {home}"
    fix = f"Did you mean '{THIRD}'?"
    assert complaint("20260102-000000-cccccccd", project) == (StoreError, message, fix)
    assert complaint("20260103", project)[2] == fix
    assert complaint("x", project)[2] == "List the runs with `osler runs`."


@pytest.mark.parametrize("given", ["../elsewhere", "/nowhere/at/all", "a/b", ""])
def test_no_such_path(given: str, project: Path) -> None:
    if given:
        assert complaint(given, project)[1] == f"there is no folder '{given}'"
    else:
        assert find_run("", project) == project  # as everywhere, the empty path is the folder itself


def test_a_file(project: Path) -> None:
    (project / "train.py").write_text("")
    assert complaint("train.py", project)[1] == "'train.py' is a file, not a run directory"


def test_nothing_is_recorded(tmp_path: Path, nowhere: str) -> None:
    fix = "Record one with `osler run train.py`."
    message = f"no run is recorded in {tmp_path} or above"
    assert complaint(None, tmp_path) == (StoreError, message, fix)
    message = f"there is no run '2026': nothing is recorded in {tmp_path} or above"
    assert complaint("2026", tmp_path) == (StoreError, message, fix)
    (tmp_path / nowhere / "runs").mkdir(parents=True)
    assert complaint(None, tmp_path)[1] == f"no run is recorded in {tmp_path}/{nowhere}/runs or above"


def test_homes(project: Path, home: Path, tmp_path: Path) -> None:
    assert home_of(project) == home
    assert home_of(home) == home
    assert home_above(project) == home


@pytest.mark.usefixtures("nowhere")
def test_no_home_above(tmp_path: Path) -> None:
    assert home_above(tmp_path) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_home_that_cannot_be_read(home: Path) -> None:
    home.chmod(0)
    with pytest.raises(StoreError, match="Permission denied"):
        runs_in(home)
    home.chmod(0o755)
