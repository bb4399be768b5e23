"""What a reader of a stored run must know of today."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from osler.model import Diagnosis, Finding, Group, Place, Related, Severity
from osler.report.since import sources, with_doubts
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin, to_json
from osler.store.reader import StoredRun, open_run

BEGAN = 1_000_000
STARTED = datetime.fromtimestamp(BEGAN, UTC).isoformat(timespec="seconds")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    script = tmp_path / "train.py"
    script.write_text("x = 1\n")
    return script


def diagnosis(*files: Path | str, suppressed: bool = False) -> Diagnosis:
    """One finding in the first file that names the others."""
    related = tuple(Related(Place(str(file), 1), "here") for file in files[1:])
    place = Place(str(files[0]), 1)
    found = Finding("x", place, "m", "", "", "", Severity.ERROR, related=related, suppressed=suppressed)
    return Diagnosis(groups=(Group(found),))


def told(script: Path, changed: float, started: str = STARTED) -> list[str]:
    os.utime(script, (changed, changed))
    return list(sources(diagnosis(script, script), started, script.parent))


@pytest.mark.parametrize("changed", [BEGAN - 1e6, BEGAN - 0.5, BEGAN, BEGAN + 0.9])
def test_as_it_was(script: Path, changed: float) -> None:
    assert told(script, changed) == []


@pytest.mark.parametrize("changed", [BEGAN + 1, BEGAN + 1e6])
def test_changed_since(script: Path, changed: float) -> None:
    assert told(script, changed) == [
        "train.py as it was run: it has changed since, and its lines may have moved"
    ]


def test_gone(script: Path, tmp_path: Path) -> None:
    found = diagnosis(script, "/elsewhere/model.py", "<ipython-input-3>", "")
    os.utime(script, (1, 1))
    assert list(sources(found, STARTED, tmp_path)) == [
        "the source of /elsewhere/model.py: the file is not there"
    ]


def test_files_that_are_not_shown_do_not_matter() -> None:
    assert list(sources(diagnosis("/gone.py", suppressed=True), STARTED, Path("/"))) == []
    assert list(sources(Diagnosis(), STARTED, Path("/"))) == []


@pytest.mark.parametrize("started", ["", "yesterday"])
def test_nobody_knows_when_it_began(script: Path, started: str) -> None:
    assert told(script, BEGAN + 1e6, started) == []


def stored(root: Path, processes: int) -> StoredRun:
    run = new_run(root)
    for rank in range(processes):
        folder = process_folder(run, rank)
        (folder / "manifest.json").write_text(to_json(replace(begin([], "", {}, {}), started=STARTED)))
    return open_run(run)


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        (1, []),
        (2, ["1 more process of this run: r00000 is judged"]),
        (8, ["7 more processes of this run: r00000 is judged"]),
    ],
)
def test_other_processes(processes: int, expected: list[str], script: Path, tmp_path: Path) -> None:
    os.utime(script, (1, 1))
    found = with_doubts(diagnosis(script), stored(tmp_path, processes), tmp_path)
    assert list(found.coverage.blind) == expected
