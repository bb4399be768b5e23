"""What is left in the columns reaches the disk, and nothing of that is felt by training."""

import os
import shutil
import signal
import threading
import time
from array import array
from collections.abc import Callable
from math import nan
from pathlib import Path

import pytest

from osler.model import Column, Event, Finding, Histogram, Kind, Place, Severity
from osler.model.table import Table
from osler.store.layout import process_folder
from osler.store.process import Status
from osler.store.reader import open_run
from osler.store.recorder import Recorder
from osler.store.records import Ending, Series
from osler.testing import event, run_of

Start = Callable[..., Recorder]

BATCH = event(Kind.BATCH, "DataLoader", 10)
STEP = event(Kind.STEP, "SGD", 14, "fresh")


def fill(column: Column, values: int, first: int = 0) -> None:
    for step in range(first, first + values):
        column.add(step, step / 2)


def column(recorder: Recorder, name: str) -> Column:
    made = Column()
    recorder.watch(name, made)
    return made


def test_values_are_read_back_as_they_were(run: Path, start: Start) -> None:
    recorder = start()
    loss = column(recorder, "loss")
    fill(loss, 1000)
    loss.add(1000, nan)
    assert recorder.flush()
    stored = open_run(run).series("loss")
    assert stored[0].tolist() == list(range(1001))
    assert stored[1][:-1].tolist() == [step / 2 for step in range(1000)]
    assert stored[1][-1] != stored[1][-1]


def test_the_checks_read_the_same_history(run: Path, start: Start) -> None:
    recorder = start(period=0.01)
    loss, accuracy = column(recorder, "loss"), column(recorder, "accuracy")
    for part in range(30):
        fill(loss, 997, part * 997)
        accuracy.add(part * 997, part)
        time.sleep(0.002)
    assert recorder.close()
    stored = open_run(run).run.columns
    assert list(stored) == ["loss", "accuracy"]
    assert stored["loss"].history() == loss.history()
    assert stored["accuracy"].history() == accuracy.history()
    assert len(stored["loss"]) == 30 * 997


def test_values_from_before_the_recorder_are_not_lost(run: Path, start: Start) -> None:
    loss = Column()
    fill(loss, 100)
    assert loss.last == 49.5
    recorder = start()
    recorder.watch("loss", loss)
    recorder.close()
    assert len(open_run(run).series("loss")[0]) == 100


def test_a_reader_reads_on(run: Path, start: Start) -> None:
    recorder = start()
    loss = column(recorder, "loss")
    fill(loss, 10)
    recorder.flush()
    stored = open_run(run)
    assert (stored.status, stored.run.columns["loss"].last) == (Status.RECORDING, 4.5)
    fill(loss, 10, 10)
    column(recorder, "accuracy").add(0, 1.0)
    recorder.close(Ending(exit_code=0))
    stored.refresh()
    assert (stored.status, stored.run.columns["loss"].last) == (Status.COMPLETE, 9.5)
    assert stored.run.columns["accuracy"].last == 1.0
    assert stored.main.ending is not None
    assert stored.main.ending.exit_code == 0
    assert stored.problems == ()


def test_facts_notes_histograms_and_documents(run: Path, start: Start) -> None:
    recorder = start(describe=lambda name: Series(name, unit="rows", subject="fc1"))
    recorder.put(run_of([[BATCH, STEP]] * 3))
    recorder.put(run_of([[BATCH, STEP]] * 5))
    recorder.note(
        "finding", Finding("a-check", Place("train.py", 3), "seen", "", "", "fix it", Severity.ERROR)
    )
    recorder.histogram("fc1.weight", 7, Histogram(array("I", range(64)), 1, 2, 3, 4))
    recorder.document("report.json", "{}")
    recorder.close()
    stored = open_run(run).main
    assert (stored.run.turns, stored.run.patterns[0].count) == (5, 5)
    assert [note.kind for note in stored.notes] == ["finding"]
    steps, bins, *counts = stored.histogram("fc1.weight")
    assert (steps.tolist(), bins.tolist()) == ([7], [list(range(64))])
    assert [count.tolist() for count in counts] == [[1], [2], [3], [4]]
    assert stored.document("report.json") == "{}"
    assert next(iter(stored.histograms.values())).unit == "rows"
    assert "fc1.weight" not in stored.run.columns


def test_equal_events_stay_one_object(run: Path, start: Start) -> None:
    recorder = start()
    recorder.put(run_of([[BATCH, STEP], [BATCH], [BATCH, STEP]]))
    recorder.close()
    events: set[Event] = {e for pattern in open_run(run).run.patterns for e in pattern.events}
    assert len(events) == 2


def test_a_folder_of_its_own_for_each_process(run: Path) -> None:
    names = [process_folder(run).name, process_folder(run, 3).name, process_folder(run).name]
    assert names == ["r00000", "r00003", f"p{os.getpid()}"]


def test_segments_rotate(run: Path, folder: Path, start: Start) -> None:
    recorder = start(segment=100)
    loss = column(recorder, "loss")
    for part in range(5):
        fill(loss, 60, part * 60)
        recorder.flush()
    recorder.close()
    assert len(list(folder.glob("scalars-*.arrows"))) == 3
    assert open_run(run).series("loss")[0].tolist() == list(range(300))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_records_nothing(run: Path, start: Start) -> None:
    recorder = start(period=0.01)
    loss = column(recorder, "loss")
    fill(loss, 10)
    recorder.flush()
    child = os.fork()
    if child == 0:
        fill(loss, 1000, 10)
        loss.history()
        recorder.put(run_of([[BATCH]]))
        silent = not (recorder.is_recording or recorder.flush() or recorder.close())
        os._exit(0 if silent and loss.sink is None else 1)
    assert os.waitpid(child, 0)[1] == 0
    recorder.close()
    assert len(open_run(run).series("loss")[0]) == 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_no_child_inherits_a_lock(run: Path, start: Start) -> None:
    recorder = start(period=0.0001)
    columns = [column(recorder, f"series-{number}") for number in range(50)]
    for step in range(100):
        for grown in columns:
            grown.add(step, 1.0)
        child = os.fork()
        if child == 0:
            signal.alarm(20)
            recorder.flush()
            os._exit(0 if all(grown.last == 1.0 for grown in columns) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert recorder.close()
    stored = open_run(run).run.columns
    assert all(stored[f"series-{n}"].history() == grown.history() for n, grown in enumerate(columns))


def test_a_table_is_recorded_as_its_columns(run: Path, start: Start) -> None:
    recorder = start(period=0.001)
    column(recorder, "loss").add(0, 9.0)
    table = Table.of(["a", "b", "c"])
    recorder.watch_table(table)
    for step in range(10_000):
        table.add(step, [step, step / 2, -step])
    column(recorder, "rate").add(0, 8.0)
    assert recorder.close()
    stored = open_run(run)
    assert list(stored.run.columns) == ["loss", "a", "b", "c", "rate"]
    for name, grown in table.columns.items():
        assert stored.run.columns[name].history() == grown.history()
    assert stored.series("c")[1].tolist() == [-step for step in range(10_000)]


def test_what_the_disk_does_not_take_in_time_is_counted(run: Path, start: Start) -> None:
    stalled = threading.Event()
    recorder = start(
        waiting=10_000, period=0.01, checkpoint=lambda place: place == "write" and stalled.wait(5)
    )
    loss = column(recorder, "loss")
    for step in range(50_000):
        loss.add(step, 0.0)
    stalled.set()
    recorder.close()
    stored = open_run(run)
    kept = len(stored.series("loss")[0])
    assert 0 < kept < 50_000
    assert kept + stored.main.lost == 50_000
    assert stored.problems == (
        f"r00000/{50_000 - kept} records dropped while recording: the disk did not keep up",
    )


def test_a_deleted_directory_ends_recording_with_one_warning(run: Path, start: Start) -> None:
    warnings: list[str] = []
    recorder = start(warn=warnings.append, period=0.01)
    loss = column(recorder, "loss")
    fill(loss, 10)
    recorder.flush()
    shutil.rmtree(run)
    fill(loss, 10, 10)
    assert not recorder.flush()
    fill(loss, 10, 20)
    assert not recorder.close()
    assert warnings == [f"recording stopped: No such file or directory ({run / 'r00000'})"]
    assert loss.total == 30


def test_a_wall_clock_that_steps_back_is_not_noticed(
    run: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = start()
    loss = column(recorder, "loss")
    fill(loss, 10)
    recorder.flush()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    fill(loss, 10, 10)
    recorder.close(Ending(0))
    stored = open_run(run)
    assert stored.status is Status.COMPLETE
    assert stored.main.ending.seconds >= 0
    assert stored.series("loss")[0].tolist() == list(range(20))
