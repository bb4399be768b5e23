"""`osler.diagnose`: one function for a run in memory and for a run directory."""

import os
from pathlib import Path

import pytest

import osler
from osler.engine.diagnose import Terms
from osler.errors import UnknownName
from osler.model import Kind, Run
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.reader import StoredRun
from osler.store.recorder import Recorder
from osler.store.records import Ending
from osler.testing import event, run_of

NAME = "gradients-not-cleared"


def piling_up() -> Run:
    turn = [event(Kind.BACKWARD, "loss", 3), event(Kind.STEP, "SGD", 4, "carried")]
    return run_of([turn] * 20)


def stored(root: Path, terms: Terms | None = None) -> StoredRun:
    run = new_run(root)
    recorder = Recorder(process_folder(run), begin(["train.py"], "train.py", {}, os.environ))
    recorder.start()
    recorder.note("terms", terms or Terms())
    recorder.put(piling_up())
    recorder.close(Ending(0))
    return osler.open_run(run)


def names(diagnosis: osler.Diagnosis) -> list[str]:
    return [finding.check for finding in diagnosis.findings]


def test_both_say_the_same(tmp_path: Path) -> None:
    live, read = osler.diagnose(piling_up()), osler.diagnose(stored(tmp_path))
    assert names(live) == names(read) == [NAME]
    assert [g.cause for g in live.groups] == [g.cause for g in read.groups]


def test_a_stored_run_is_judged_as_it_was(tmp_path: Path) -> None:
    read = stored(tmp_path, Terms(ignore=(NAME,), intended={"x": ("*",)}))
    assert NAME not in osler.diagnose(read).checked
    assert names(osler.diagnose(read, ignore=[])) == [NAME]
    assert osler.diagnose(read, select=[NAME]).checked == (NAME,)


def test_intended_findings_stay_intended(tmp_path: Path) -> None:
    read = stored(tmp_path, Terms(intended={NAME: ("*",)}))
    assert [f.suppressed for f in osler.diagnose(read, select=[NAME]).findings] == [True]


def test_checks_that_are_no_more_are_left_out(tmp_path: Path) -> None:
    read = stored(tmp_path, Terms(select=(NAME, "once-upon-a-time"), ignore=("long-gone",)))
    assert osler.diagnose(read).checked == (NAME,)


@pytest.mark.parametrize("option", ["select", "ignore"])
def test_names_are_checked(option: str) -> None:
    with pytest.raises(UnknownName, match="there is no check named 'x'"):
        osler.diagnose(piling_up(), **{option: ["x"]})
    assert osler.diagnose(piling_up(), select=[NAME]).checked == (NAME,)
    assert names(osler.diagnose(piling_up(), ignore=[NAME])) == []
