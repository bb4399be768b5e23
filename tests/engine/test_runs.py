"""Runs are listed from what they said, and judged where they said nothing."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from osler.engine.runs import duration, listed
from osler.model import Column, Kind
from osler.store.digest import digest
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin, to_json
from osler.store.process import Status
from osler.store.reader import open_run
from osler.store.recorder import Recorder
from osler.store.records import Ending, Standing
from osler.testing import event, run_of

REPORT = '{"schema": "osler.report/1", "diagnoses": [], "findings": []}'
NEVER_CLEARED = [[event(Kind.BACKWARD, "loss", 3), event(Kind.STEP, "SGD", 4, "carried")]]


def record(root: Path, *, report: str | None = REPORT) -> Path:
    """A run whose gradients pile up; its own report says nothing of that."""
    run = new_run(root)
    recorder = Recorder(process_folder(run), begin(["train.py"], "train.py", {}, os.environ))
    loss = Column()
    recorder.watch("loss", loss)
    recorder.start()
    turn = NEVER_CLEARED[0]
    for step in range(20):
        loss.add(step, 2.0 / (step + 1))
    recorder.put(run_of([turn] * 20))
    recorder.note("standing", Standing(20, 0.5))
    if report is not None:
        recorder.document("report.json", report)
    recorder.close(Ending(0))
    return run


def unfinished(run: Path, *, pid: int, birth: str = "") -> None:
    """As if the process had been killed, or still ran."""
    folder = run / "r00000"
    facts = (folder / "facts.jsonl").read_bytes()
    (folder / "facts.jsonl").write_bytes(facts[: facts.index(b'{"t":"end"')])
    known = open_run(run).manifest
    (folder / "manifest.json").write_text(to_json(replace(known, pid=pid, birth=birth)))
    (folder / "report.json").unlink()


def test_a_complete_run_is_not_judged_again(tmp_path: Path) -> None:
    run = record(tmp_path)
    (told,) = listed(run.parent)
    assert told == digest(run)
    assert (told.findings, told.loss, told.steps) == ((), 0.5, 20)


@pytest.mark.parametrize(
    ("report", "problems"),
    [(None, ()), ("{", ("r00000/report.json was left out: it is damaged",))],
)
def test_without_a_report_it_is_judged(tmp_path: Path, report: str | None, problems: tuple[str, ...]) -> None:
    run = record(tmp_path, report=report)
    (told,) = listed(run.parent)
    assert (told.status, told.steps, told.loss) == (Status.COMPLETE, 20, 0.1)
    assert dict(told.findings) == {"error": 1}
    assert told.problems == problems


@pytest.mark.parametrize(("birth", "status"), [("1", Status.CUT_SHORT), ("", Status.RECORDING)])
def test_unfinished_runs_are_judged(tmp_path: Path, birth: str, status: Status) -> None:
    run = record(tmp_path)
    unfinished(run, pid=os.getpid(), birth=birth)
    (told,) = listed(run.parent)
    assert (told.status, told.steps, told.loss, told.exit_code) == (status, 20, 0.1, None)
    assert dict(told.findings) == {"error": 1}


Make = Callable[[Path], object]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: path.mkdir(), "holds no recorded run"),
        (lambda path: path.write_text(""), "Not a directory"),
        (lambda path: path.symlink_to("nowhere"), "No such file or directory"),
    ],
)
def test_one_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path, make: Make, problem: str) -> None:
    home = record(tmp_path).parent
    make(home / "20260101-000000-aaaaaaaa")
    broken, good = listed(home)
    assert broken.status is None
    assert len(broken.problems) == 1
    assert problem in broken.problems[0]
    assert good.status is Status.COMPLETE


def test_how_long_it_took(tmp_path: Path) -> None:
    run = record(tmp_path)
    complete = open_run(run).main
    assert complete.ending is not None
    assert duration(complete) == complete.ending.seconds
    unfinished(run, pid=os.getpid())
    running = open_run(run).main
    running.manifest = replace(running.manifest, started="2000-01-01T00:00:00+00:00")
    assert duration(running) == pytest.approx(time.time() - 946_684_800, abs=60)
    killed = open_run(run).main
    killed.manifest = replace(killed.manifest, birth="1")
    written = killed.last_written()
    assert 0 <= (duration(killed) or 0) <= written
    killed.manifest = replace(killed.manifest, started="")
    assert duration(killed) is None
