"""One process of a run, read as far as it is sound, and read on while it grows."""

import json
import os
import subprocess
import sys
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from osler.model import Column, Histogram, Kind
from osler.store import process as processes
from osler.store.layout import birth, host, process_folder
from osler.store.lines import Line, to_line
from osler.store.manifest import Manifest, to_json
from osler.store.process import NOBODY, RECENT, Status, StoredProcess, exists, sid_of
from osler.store.recorder import Recorder
from osler.store.records import Ending, Note, Series
from osler.store.seal import seal
from osler.testing import event, run_of

Start = Callable[..., Recorder]
HERE = Manifest(host=host(), pid=os.getpid(), birth=birth(os.getpid()))


def written(folder: Path, *lines: Line, manifest: Manifest = HERE) -> StoredProcess:
    """A process whose facts are these lines."""
    (folder / "manifest.json").write_text(to_json(manifest))
    (folder / "facts.jsonl").write_text("".join(map(to_line, lines)))
    return StoredProcess(folder)


def series(sid: int, name: str) -> Line:
    return {"t": "series", "sid": sid, "value": {"name": name}}


def course(found: StoredProcess, name: str) -> list[tuple[int, float]]:
    steps, values = found.run.columns[name].history()
    return list(zip(steps, values, strict=True))


# --- what is read


def test_lines_of_every_kind(folder: Path) -> None:
    found = written(
        folder,
        series(0, "loss"),
        {"t": "histogram", "sid": 0, "value": {"name": "fc", "unit": "x"}},
        {"t": "note", "kind": "finding", "seconds": 1.5, "value": {"check": "x"}},
        {"t": "lost", "values": 9},
        {"t": "end", "value": {"exit_code": 1, "ended_by": "exception"}},
        {"t": "run", "value": {"steps": 7}},
    )
    assert found.series == {0: Series("loss")}
    assert found.histograms == {0: Series("fc", unit="x")}
    assert found.notes == [Note("finding", 1.5, {"check": "x"})]
    assert found.ending == Ending(1, "exception")
    assert found.run.steps == 7
    assert found.problems == ("r00000/9 records dropped while recording: the disk did not keep up",)


@pytest.mark.parametrize(
    "line",
    [
        {"t": "series", "value": {"name": "loss"}},
        {"t": "series", "sid": -1, "value": {"name": "loss"}},
        {"t": "series", "sid": NOBODY, "value": {"name": "loss"}},
        {"t": "series", "sid": 0.0, "value": {"name": "loss"}},
        {"t": "series", "sid": 0, "value": {}},
        {"t": "series", "sid": 0},
        {"t": "histogram", "sid": "0", "value": {"name": "fc"}},
        {"t": "note", "kind": 3, "seconds": 0, "value": 0},
        {"t": "note", "kind": "x", "seconds": "1"},
        {"t": "lost", "values": "many"},
        {"t": "lost"},
        {"t": "end", "value": None},
        {"t": "run", "value": {"steps": "7"}},
    ],
    ids=json.dumps,
)
def test_a_line_that_says_nonsense_spoils_no_other(folder: Path, line: Line) -> None:
    found = written(folder, line, series(5, "loss"))
    assert found.series == {5: Series("loss")}
    assert (found.histograms, found.notes, found.ending, found.lost) == ({}, [], None, 0)
    assert "r00000/facts.jsonl: 1 damaged line left out" in found.problems


def test_lines_of_a_later_version_are_passed_over(folder: Path) -> None:
    found = written(folder, {"t": "telepathy", "value": 3}, series(0, "loss"))
    assert found.series == {0: Series("loss")}


def test_what_grows_is_read_on(run: Path, start: Start) -> None:
    recorder, loss = start(), Column()
    recorder.watch("loss", loss)
    loss.add(0, 1.0)
    recorder.flush()
    found = StoredProcess(run / "r00000")
    assert course(found, "loss") == [(0, 1.0)]
    rate = Column()
    recorder.watch("rate", rate)
    loss.add(1, 0.5)
    rate.add(1, 0.1)
    turn = [event(Kind.STEP, "SGD", 14)]
    recorder.put(run_of([turn] * 3))
    recorder.flush()
    found.refresh()
    assert course(found, "loss") == [(0, 1.0), (1, 0.5)]
    assert course(found, "rate") == [(1, 0.1)]
    assert (found.run.steps, len(found.run.patterns)) == (3, 1)
    assert [c.tolist() for c in found.records("rate")] == [[1], [0.1]]


def test_records_that_were_sealed_meanwhile_are_not_read_twice(run: Path, start: Start) -> None:
    recorder, loss = start(segment=10), Column()
    recorder.watch("loss", loss)
    for part in range(2):
        loss.extend(array("q", range(part * 10, part * 10 + 10)), array("d", [1.0]) * 10)
        recorder.flush()
    loss.add(20, 1.0)
    recorder.flush()
    found = StoredProcess(run / "r00000")
    assert len(found.run.columns["loss"]) == 21
    assert seal(StoredProcess(run / "r00000")) == 2
    found.refresh()
    assert course(found, "loss") == [(step, 1.0) for step in range(21)]


def test_a_series_whose_line_was_lost_is_kept_under_its_number(run: Path, start: Start) -> None:
    recorder, loss = start(), Column()
    recorder.watch("loss", loss)
    loss.add(0, 1.0)
    recorder.close()
    (run / "r00000" / "facts.jsonl").write_bytes(b"")
    found = StoredProcess(run / "r00000")
    assert course(found, "series 0") == [(0, 1.0)]
    assert [len(c) for c in found.records("loss")] == [0, 0]


@pytest.mark.parametrize("name", ["loss", "", "series 0"])
def test_a_series_that_was_not_recorded_is_empty(folder: Path, name: str) -> None:
    found = written(folder)
    assert [c.tolist() for c in found.records(name)] == [[], []]
    assert len(found.overview(name).start) == 0
    assert [len(c) for c in found.histogram(name)] == [0] * 6


def test_histograms_by_name(run: Path, start: Start) -> None:
    recorder = start()
    for step in (0, 10):
        recorder.histogram("fc1", step, Histogram(array("I", range(step, step + 64)), zeros=step))
        recorder.histogram("fc2", step, Histogram(array("I", [1] * 64)))
    recorder.close()
    steps, bins, zeros, *_ = StoredProcess(run / "r00000").histogram("fc1")
    assert (steps.tolist(), zeros.tolist()) == ([0, 10], [0, 10])
    np.testing.assert_array_equal(bins, [range(64), range(10, 74)])


# --- how it stands


def ended(manifest: Manifest, folder: Path) -> Status:
    return written(folder, manifest=manifest).status


def test_a_process_that_lives_is_recording(folder: Path) -> None:
    assert ended(HERE, folder) is Status.RECORDING


def test_what_has_an_ending_is_complete_even_if_its_process_lives(folder: Path) -> None:
    assert written(folder, {"t": "end", "value": {}}).status is Status.COMPLETE


def test_a_number_that_another_process_has_now_is_cut_short(folder: Path) -> None:
    assert ended(replace(HERE, birth="1"), folder) is Status.CUT_SHORT


def test_without_a_birth_the_number_must_do(folder: Path) -> None:
    assert ended(replace(HERE, birth=""), folder) is Status.RECORDING
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert ended(replace(HERE, birth="", pid=gone.pid), folder) is Status.CUT_SHORT


@pytest.mark.parametrize("pid", [0, -1, 1 << 31, 1 << 80])
def test_what_is_no_number_of_a_process_is_asked_of_nobody(folder: Path, pid: int) -> None:
    """`kill(0, 0)` and `kill(-1, 0)` would speak to whole groups."""
    assert ended(replace(HERE, birth="", pid=pid), folder) is Status.CUT_SHORT


@pytest.mark.parametrize(("age", "status"), [(0, Status.RECORDING), (2 * RECENT, Status.CUT_SHORT)])
def test_on_another_machine_it_lives_while_it_writes(folder: Path, age: float, status: Status) -> None:
    found = written(folder, manifest=replace(HERE, host="elsewhere/1a2b"))
    written_at = found.last_written() - age
    for path in folder.iterdir():
        os.utime(path, (written_at, written_at))
    assert found.status is status


def test_exists() -> None:
    assert exists(os.getpid())
    assert exists(1), "also where it belongs to somebody else"


def test_when_it_was_last_written(folder: Path) -> None:
    found = written(folder)
    os.utime(folder / "manifest.json", (1_000, 1_000))
    os.utime(folder / "facts.jsonl", (2_000, 2_000))
    assert found.last_written() == 2_000


def test_a_file_that_vanishes_while_it_is_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written whole has another name for a moment."""
    found = written(folder)
    os.utime(folder / "facts.jsonl", (2_000, 2_000))
    scan = os.scandir

    class Entries:
        def __init__(self, path: Path) -> None:
            (path / "manifest.json.7.tmp").touch()
            self.entries = list(scan(path))
            (path / "manifest.json.7.tmp").unlink()
            os.utime(path / "manifest.json", (1_000, 1_000))

        def __enter__(self) -> list[os.DirEntry[str]]:
            return self.entries

        def __exit__(self, *args: object) -> None: ...

    monkeypatch.setattr(processes.os, "scandir", Entries)
    assert found.last_written() == 2_000


def test_of_a_folder_that_is_gone_nothing_is_known(tmp_path: Path) -> None:
    found = StoredProcess(tmp_path / "r00000")
    assert (found.last_written(), found.manifest, found.status) == (0.0, Manifest(), Status.CUT_SHORT)
    assert found.problems == (
        "r00000/manifest.json was left out: No such file or directory",
        "r00000/facts.jsonl was left out: No such file or directory",
    )


# --- what is left out is named


def test_a_sound_process_has_no_problems(run: Path, start: Start) -> None:
    recorder, loss = start(), Column()
    recorder.watch("loss", loss)
    loss.add(0, 1.0)
    recorder.close(Ending(0))
    found = StoredProcess(run / "r00000")
    assert (found.name, found.problems, found.status) == ("r00000", (), Status.COMPLETE)


def test_a_damaged_manifest_leaves_everything_else(folder: Path) -> None:
    written(folder, series(0, "loss"))
    (folder / "manifest.json").write_text("{")
    found = StoredProcess(folder)
    assert found.series == {0: Series("loss")}
    assert found.problems == ("r00000/manifest.json was left out: it is damaged",)


def test_a_manifest_that_is_sound_again_is_no_problem_any_more(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")
    (folder / "facts.jsonl").touch()
    found = StoredProcess(folder)
    (folder / "manifest.json").write_text(to_json(HERE))
    found.refresh()
    assert (found.manifest, found.problems) == (HERE, ())


@pytest.mark.parametrize(("manifest", "is_told"), [(HERE, False), (replace(HERE, birth="1"), True)])
def test_a_line_without_its_end_is_told_when_nobody_writes(
    folder: Path, manifest: Manifest, is_told: bool
) -> None:
    written(folder, manifest=manifest)
    (folder / "facts.jsonl").write_bytes(b'{"t":')
    told = StoredProcess(folder).problems
    assert told == (("r00000/facts.jsonl: 5 bytes of an unfinished line left out",) if is_told else ())


@pytest.mark.parametrize("name", ["report.json", "report-2.txt", "notes_1.md"])
def test_a_document(folder: Path, name: str) -> None:
    (folder / name).write_text("é", "utf-8")
    assert written(folder).document(name) == "é"


@pytest.mark.parametrize(
    "name",
    ["gone.json", "", "..", "../manifest.json", "/etc/hostname", "a/b.txt", ".hidden", "x", "a.b.c", "-x.y"],
)
def test_what_is_no_document_of_the_folder_is_not_read(folder: Path, name: str) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "b.txt").touch()
    assert written(folder).document(name) is None


def test_a_document_that_is_a_link_is_not_read(folder: Path) -> None:
    (folder / "report.json").symlink_to("/etc/hostname")
    assert written(folder).document("report.json") is None


@pytest.mark.parametrize("sid", [0, 7, NOBODY - 1])
def test_numbers_of_series(sid: int) -> None:
    assert sid_of({"sid": sid}) == sid


def test_another_process_of_the_run_has_its_own_name(run: Path) -> None:
    assert written(process_folder(run, 3)).name == "r00003"
