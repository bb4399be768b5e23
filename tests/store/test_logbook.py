"""The run directory of one watched program."""

import os
from array import array
from pathlib import Path

import pytest

from osler.errors import StoreError
from osler.model import (
    Answer,
    Column,
    Cost,
    ExactnessFact,
    Finding,
    Histogram,
    Kind,
    Measure,
    Place,
    Run,
    Setup,
    Severity,
)
from osler.store.answers import setup_of
from osler.store.logbook import EVERY, Logbook, Plan, chosen
from osler.store.process import Status
from osler.store.reader import open_run
from osler.store.records import Ending
from osler.testing import event, run_of

STEP = event(Kind.STEP, "SGD", 14, "fresh")
LOSS = Measure("osler.measures.loss", "nats", "what is minimised")


def trained(turns: int = 3) -> Run:
    return run_of([[STEP]] * turns)


def book(root: Path, **plan: object) -> Logbook:
    return Logbook(Plan(root, script="train.py", measures={"loss": LOSS}, **plan))  # type: ignore[arg-type]


def test_nothing_is_made_before_the_first_turn(tmp_path: Path) -> None:
    log = book(tmp_path)
    log.histogram("loss_input", 0, Histogram(array("I", [0] * 64), zeros=1))
    log.finding(Finding("x", Place(), "", "", "", "", Severity.ERROR), Run())
    log.close(Ending(0), "{}")
    assert (log.path, list(tmp_path.iterdir())) == (None, [])


def test_what_came_before_the_first_turn_is_kept(tmp_path: Path) -> None:
    log, run = book(tmp_path), trained()
    run.columns["loss"] = Column()
    run.columns["loss"].add(0, 2.5)
    log.histogram("loss_input", 0, Histogram(array("I", [0] * 64), zeros=7))
    log.turn(run, 1, changed=True)
    log.end(run, Cost())
    log.close(Ending(0), "{}\n")
    assert log.path is not None
    stored = open_run(log.path)
    assert stored.series("loss")[1].tolist() == [2.5]
    assert stored.main.histogram("loss_input")[2].tolist() == [7]
    assert stored.main.document("report.json") == "{}\n"
    assert stored.main.ending is not None
    assert stored.main.ending.exit_code == 0


def test_at_the_end_everything_is_written_at_once(tmp_path: Path) -> None:
    fact = ExactnessFact(exact=True, turns=10, noise=0.0)
    setup = Setup((fact,), (Answer("replay-exactly", "does it repeat itself?", "yes", {"turns": 10.0}),))
    log, run = book(tmp_path, command="preflight", at_end=True), trained(70)
    column = run.columns["loss"] = Column()
    log.column("loss", column)
    for turn in range(70):
        column.add(turn, 1.0 / (turn + 1))
        log.histogram("loss_input", turn, Histogram(array("I", [0] * 64), zeros=turn))
        log.turn(run, turn * EVERY, changed=True)
    log.finding(Finding("x", Place(), "", "", "", "", Severity.ERROR), run)
    assert (log.path, list(tmp_path.iterdir())) == (None, []), "fences are still up"
    log._began -= 20
    log.end(run, Cost(), setup=setup)
    log.close(Ending(0), "{}\n")
    assert log.path is not None
    stored = open_run(log.path)
    assert (stored.status, stored.problems, stored.manifest.command) == (Status.COMPLETE, (), "preflight")
    assert stored.main.ending is not None
    assert 20 <= stored.main.ending.seconds < 40, "since the script began"
    assert stored.run.steps == 70
    assert stored.series("loss")[1].tolist() == [1.0 / (turn + 1) for turn in range(70)]
    assert stored.main.histogram("loss_input")[2].tolist() == list(range(70))
    assert setup_of(stored.main.notes) == setup


def test_an_end_without_training_leaves_nothing(tmp_path: Path) -> None:
    log = book(tmp_path, at_end=True)
    log.turn(Run(), 1, changed=True)
    log.end(Run(), Cost())
    log.close(Ending(0), "{}")
    assert (log.path, list(tmp_path.iterdir())) == (None, [])


def test_answers_are_kept_if_the_first_turn_never_ended(tmp_path: Path) -> None:
    log, setup = book(tmp_path, at_end=True), Setup((), (Answer("x", "is it?", skipped="no"),))
    log.end(Run(), Cost(), setup=setup)
    log.close(Ending(0), "{}")
    assert log.path is not None
    assert setup_of(open_run(log.path).main.notes) == setup


def test_series_are_described(tmp_path: Path) -> None:
    log, run = book(tmp_path), trained()
    log.turn(run, 1, changed=True)
    for name in ("loss", "loss:gan.py:7", "f1"):
        run.columns[name] = Column()
        log.column(name, run.columns[name])
        run.columns[name].add(0, 1.0)
    log.close(Ending(0), "{}")
    assert log.path is not None
    found = {s.name: (s.measure, s.subject, s.unit, s.title) for s in open_run(log.path).main.series.values()}
    assert found == {
        "loss": ("loss", "", "nats", "what is minimised"),
        "loss:gan.py:7": ("loss", "gan.py:7", "nats", "what is minimised"),
        "f1": ("f1", "", "", "logged by the user"),
    }


def test_facts_are_looked_at_once_a_second_and_sooner_when_something_is_new(tmp_path: Path) -> None:
    log, looked = book(tmp_path), []
    log.turn(trained(), EVERY, changed=False)
    recorder = log._recorder
    assert recorder is not None
    recorder.put = looked.append  # type: ignore[method-assign]
    moments = [(1.01, True), (1.2, False), (1.3, True), (1.31, True), (2.2, False), (2.4, False)]
    for at, changed in moments:
        log.turn(trained(round(at * 100)), int(at * EVERY), changed=changed)
    assert [run.steps for run in looked] == [130, 240]
    log.close(Ending(0), "{}")


def test_where_nothing_can_be_written_one_sentence_is_said(tmp_path: Path) -> None:
    (tmp_path / ".osler").write_text("a file")
    told: list[str] = []
    log = book(tmp_path, warn=told.append)
    for turn in range(3):
        log.turn(trained(), turn * EVERY, changed=True)
    log.end(trained(), Cost())
    log.close(Ending(0), "{}")
    (sentence,) = told
    assert sentence.startswith("nothing is recorded: cannot make a run directory in ")


def test_a_forked_child_records_nothing(tmp_path: Path) -> None:
    log = book(tmp_path)
    log._process = os.getpid() + 1
    log.turn(trained(), 1, changed=True)
    assert log.path is None


def test_a_fault_in_the_recorder_is_contained_and_told(tmp_path: Path) -> None:
    faults: list[Exception] = []

    def contain(work):
        try:
            work()
        except AttributeError as fault:
            faults.append(fault)

    log, run = book(tmp_path, contain=contain), trained()
    log.turn(run, 1, changed=True)
    log.histogram("loss_input", 0, "no histogram")  # type: ignore[arg-type]
    assert log._recorder is not None
    log._recorder.flush()
    log.end(run, Cost())
    log.close(Ending(0), "{}")
    assert log.failure.startswith("recording stopped: a fault in Osler")


def test_a_chosen_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    folder = chosen(tmp_path / "a" / "b")
    log = book(tmp_path, folder=folder)
    log.turn(trained(), 1, changed=True)
    log.close(Ending(0), "{}")
    assert log.path == folder
    with pytest.raises(StoreError, match="holds a run already"):
        chosen(folder)
    monkeypatch.setenv("RANK", "1")
    assert chosen(folder) == folder
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot make"):
        chosen(tmp_path / "file")
