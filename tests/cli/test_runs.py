"""`osler runs` lists what was recorded, whatever state it is in."""

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from osler.cli import main
from osler.engine.runs import examined_digest
from osler.store.digest import digest
from osler.store.reader import open_run

HEALTHY, FAULTY = "20260101-120000-aaaaaaaa", "20260102-120000-bbbbbbbb"


def runs(capfd: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `osler runs`."""
    code = main(["runs", *map(str, words)])
    return code, *capfd.readouterr()


def rows(text: str) -> dict[str, list[str]]:
    """Cells by the name of the run."""
    return {line.split()[0]: re.split(r" {2,}", line) for line in text.splitlines()}


def test_the_newest_is_last(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = runs(capfd)
    assert (code, err) == (0, "")
    assert list(rows(out)) == ["run", HEALTHY, FAULTY]
    titles = ["run", "started", "took", "steps", "loss", "findings", "status", "command", "script"]
    assert rows(out)["run"] == titles
    assert rows(out)[HEALTHY][3::2] == ["48", "-", "run"]
    assert rows(out)[FAULTY][3::2] == ["60", "1 error", "run"]
    assert [rows(out)[name][8] for name in (HEALTHY, FAULTY)] == ["healthy.py", "faulty.py"]
    assert {rows(out)[name][6] for name in (HEALTHY, FAULTY)} == {"complete"}
    assert all(0 < float(rows(out)[name][4]) < 1.2 for name in (HEALTHY, FAULTY))


@pytest.mark.parametrize("folder", [".", ".osler/runs", ".osler", "src"])
def test_where_runs_are_looked_for(project: Path, folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "src").mkdir()
    code, out, err = runs(capfd, folder)
    if folder in (".", ".osler/runs"):
        assert list(rows(out)) == ["run", HEALTHY, FAULTY]
    else:
        assert (code, out) == (0, "")
        assert err.startswith(f"osler: no run is recorded in {folder}\n")


def test_found_from_below(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "src").mkdir()
    monkeypatch.chdir(project / "src")
    assert list(rows(runs(capfd)[1])) == ["run", HEALTHY, FAULTY]


def test_json(project: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = runs(capfd, "--json")
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert content["schema"] == "osler.runs/1"
    healthy, faulty = content["runs"]
    assert (healthy["id"], healthy["path"], healthy["steps"]) == (HEALTHY, str(home / HEALTHY), 48)
    assert (faulty["findings"], faulty["status"]) == ({"error": 1, "warning": 0, "hint": 0}, "complete")
    assert (faulty["exit_code"], faulty["ended_by"], faulty["problems"]) == (0, None, [])


@pytest.mark.parametrize(("alive", "status"), [(True, "still being written"), (False, "cut short")])
def test_unfinished_runs(
    faulty: Path, unfinish: Callable[..., None], alive: bool, status: str, capfd: pytest.CaptureFixture[str]
) -> None:
    before = rows(runs(capfd)[1])[FAULTY]
    unfinish(faulty, alive=alive)
    after = rows(runs(capfd)[1])[FAULTY]
    assert after[6] == status
    assert (after[3:6], after[7]) == (before[3:6], before[7])


def test_a_judged_run_says_what_a_complete_one_says(faulty: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = runs(capfd)
    (faulty / "r00000/report.json").write_text("{")
    code, out, err = runs(capfd)
    assert (code, out) == before[:2]
    assert err == f"osler: not read: {FAULTY}: r00000/report.json was left out: it is damaged\n"


def test_what_a_run_says_at_its_end_is_what_judging_it_gives(healthy: Path, faulty: Path) -> None:
    for run in (healthy, faulty):
        assert digest(run) == examined_digest(open_run(run))


def test_what_cannot_be_read(home: Path, healthy: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(healthy / "r00000")
    file = home / "20260103-120000-cccccccc"
    file.write_text("")
    code, out, err = runs(capfd)
    assert code == 0
    assert rows(out)[HEALTHY] == [HEALTHY, "-", "-", "-", "-", "-", "cannot be read", "-", "-"]
    assert rows(out)[FAULTY][6] == "complete"
    assert err == (
        f"osler: not read: {HEALTHY}: {healthy} holds no recorded run\n"
        f"osler: not read: {file.name}: cannot read {file}: Not a directory\n"
    )
    assert [len(run["problems"]) for run in json.loads(runs(capfd, "--json")[1])["runs"]] == [1, 0, 1]


@pytest.mark.usefixtures("nowhere")
def test_nothing_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fix = "  fix: Record one with `osler run train.py`.\n"
    assert runs(capfd) == (0, "", f"osler: no run is recorded in {tmp_path} or above\n{fix}")
    assert json.loads(runs(capfd, "--json")[1]) == {"schema": "osler.runs/1", "runs": []}


def test_no_such_folder(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fix = "  fix: Name a folder that holds runs.\n"
    assert runs(capfd, "nowhere") == (2, "", f"osler: there is no folder 'nowhere'\n{fix}")
    assert runs(capfd, "faulty.py") == (2, "", f"osler: there is no folder 'faulty.py'\n{fix}")


def test_hundreds_of_runs(faulty: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for number in range(300):
        shutil.copytree(faulty, home / f"20260103-{number:06}-dddddddd")
    start = time.process_time()
    _, out, _ = runs(capfd)
    assert time.process_time() - start < 2  # 0.2 s where nobody else computes
    assert len(out.splitlines()) == 303
