"""Sealed segments hold what the hot ones held, and a crash at any point loses nothing."""

import os
import stat
import subprocess
import sys
from array import array
from collections.abc import Callable
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from osler.model import Column
from osler.store.disk import unwatched
from osler.store.process import Status
from osler.store.reader import open_run
from osler.store.recorder import Recorder
from osler.store.records import Ending
from osler.store.seal import seal

Start = Callable[..., Recorder]


@pytest.fixture
def recorded(run: Path, start: Start) -> Path:
    """Three segments of two series, one of them with a step counter that was set back; complete."""
    recorder = start(segment=1_000)
    loss, rate = Column(), Column()
    recorder.watch("loss", loss)
    recorder.watch("rate", rate)
    for part in range(3):
        steps = array("q", (step % 700 for step in range(part * 800, part * 800 + 800)))
        loss.extend(steps, array("d", (nan if step == 5 else step / 3 for step in steps)))
        rate.extend(steps[::2], array("d", [0.1]) * 400)
        recorder.flush()
    recorder.close(Ending(0))
    return run


def files(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "r00000").iterdir() if "scalars" in path.name)


SEALED = [
    f"scalars-00000{n}.{ending}" for n in range(3) for ending in ("parquet", "rollup.parquet", "sealed")
]


def test_sealed_records_are_the_same(recorded: Path) -> None:
    hot = open_run(recorded)
    before = {name: hot.series(name) for name in ("loss", "rate")}
    histories = {name: column.history() for name, column in hot.run.columns.items()}
    assert seal(hot.main) == 3
    assert files(recorded) == SEALED
    for stored in (open_run(recorded), hot):
        stored.refresh()
        for name, (steps, values) in before.items():
            np.testing.assert_array_equal(stored.series(name)[0], steps)
            np.testing.assert_array_equal(stored.series(name)[1], values)
            assert repr(stored.run.columns[name].history()) == repr(histories[name])
        assert stored.problems == ()


def test_the_segment_that_grows_is_left_alone(run: Path, start: Start) -> None:
    recorder = start(segment=100)
    loss = Column()
    recorder.watch("loss", loss)
    for part in range(3):
        loss.extend(array("q", range(part * 80, part * 80 + 80)), array("d", [1.0]) * 80)
        recorder.flush()
    stored = open_run(run)
    assert stored.status is Status.RECORDING
    assert seal(stored.main) == 1
    loss.extend(array("q", range(240, 300)), array("d", [1.0]) * 60)
    recorder.flush()
    stored.refresh()
    assert stored.series("loss")[0].tolist() == list(range(300))
    assert len(stored.run.columns["loss"]) == 300


def test_a_damaged_segment_is_kept_as_it_is(recorded: Path) -> None:
    path = recorded / "r00000" / "scalars-000001.arrows"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    assert seal(open_run(recorded).main) == 2
    assert path.exists()


class Crash(BaseException):
    pass


@pytest.mark.parametrize("place", ["seal", "count", "rename", "mark", "delete"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_crash_at_any_point(recorded: Path, place: str, times: int) -> None:
    expected = open_run(recorded).series("loss")[0].tolist()
    passed = 0

    def crash(here: str) -> None:
        nonlocal passed
        passed += here == place
        if passed == times and here == place:
            raise Crash

    with pytest.raises(Crash):
        seal(open_run(recorded).main, crash)
    assert open_run(recorded).series("loss")[0].tolist() == expected
    seal(open_run(recorded).main)
    assert open_run(recorded).series("loss")[0].tolist() == expected
    assert [name for name in files(recorded) if "tmp" not in name] == SEALED


def test_sealing_where_nothing_can_be_written(recorded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(30, os.strerror(30))

    before = files(recorded)
    stored = open_run(recorded)
    monkeypatch.setattr("osler.store.seal.write_whole", refuse)
    assert seal(stored.main, unwatched) == 0
    assert set(before) <= set(files(recorded))
    assert len(open_run(recorded).series("loss")[0]) == 2_400


READ_AS_ANOTHER_USER = """
import os, sys
from pathlib import Path
import osler.store.engine  # now: the other user may not read Python's own files
from osler.store.reader import open_run
from osler.store.seal import seal

if os.getuid() == 0:
    os.setuid(65534)
stored = open_run(Path(sys.argv[1]))
print(len(stored.series("loss")[0]), seal(stored.main), len(stored.problems))
"""


@pytest.mark.skipif(os.name != "posix", reason="other permissions")
def test_a_read_only_directory_is_read(recorded: Path) -> None:
    for path in (recorded, *recorded.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for parent in recorded.parents[:8]:
        parent.chmod(parent.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    command = [sys.executable, "-c", READ_AS_ANOTHER_USER, str(recorded)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("2400 0 0\n", "")


@pytest.mark.parametrize("is_sealed", [False, True])
def test_the_overview(recorded: Path, is_sealed: bool) -> None:
    if is_sealed:
        seal(open_run(recorded).main)
    seen = open_run(recorded).overview("loss", 70)
    steps, values = open_run(recorded).series("loss")
    assert seen.start.tolist() == list(range(0, 700, 10))
    assert seen.width == 10
    assert seen.count.sum() == len(steps)
    assert seen.nans.tolist() == [4, *[0] * 69]
    for at, start in enumerate(seen.start):
        part = values[(steps >= start) & (steps < start + 10)]
        assert (seen.low[at], seen.high[at]) == (np.nanmin(part), np.nanmax(part))
        assert seen.mean[at] == pytest.approx(np.nanmean(part))


def test_the_overview_of_a_long_series_uses_the_rollup(run: Path, start: Start) -> None:
    recorder = start(segment=50_000)
    loss = Column()
    recorder.watch("loss", loss)
    for part in range(3):
        steps = range(part * 40_000, part * 40_000 + 40_000)
        loss.extend(array("q", steps), array("d", (inf if s == 41_000 else float(s) for s in steps)))
        recorder.flush()
    recorder.close(Ending(0))
    whole = open_run(run).overview("loss", 100)
    seal(open_run(run).main)
    stored = open_run(run)
    seen = stored.overview("loss", 100)
    assert (seen.width, len(seen.start), seen.count.sum()) == (1_280, 94, 120_000)
    for name in ("start", "low", "high", "mean", "count", "nans"):
        np.testing.assert_allclose(getattr(seen, name), getattr(whole, name))
    (run / "r00000" / "scalars-000001.rollup.parquet").unlink()
    again = open_run(run)
    assert again.overview("loss", 100).count.sum() == 120_000
    assert again.problems == ("r00000/scalars-000001.rollup.parquet was left out: No such file or directory",)


def test_the_overview_of_nothing(recorded: Path) -> None:
    assert len(open_run(recorded).overview("accuracy").start) == 0


@pytest.mark.parametrize(("age", "stays"), [(0, True), (3_500, True), (7_200, False)])
def test_files_half_written_are_removed_once_nobody_is_at_work_on_them(
    recorded: Path, age: int, stays: bool
) -> None:
    left = recorded / "r00000" / "scalars-000000.4711.parquet.tmp"
    left.write_bytes(b"PAR1")
    then = left.stat().st_mtime - age
    os.utime(left, (then, then))
    seal(open_run(recorded).main)
    assert left.exists() == stays
    assert [name for name in files(recorded) if "tmp" not in name] == SEALED


def test_a_damaged_marker_does_not_keep_the_others_hot_files(recorded: Path) -> None:
    folder = recorded / "r00000"
    kept = {name: (folder / f"scalars-{name}.arrows").read_bytes() for name in ("000000", "000001")}
    assert seal(open_run(recorded).main) == 3
    for name, content in kept.items():
        (folder / f"scalars-{name}.arrows").write_bytes(content)
    (folder / "scalars-000000.sealed").write_text("{not a marker\n")
    seal(open_run(recorded).main)
    assert not (folder / "scalars-000001.arrows").exists()
    assert (folder / "scalars-000000.arrows").exists()


def test_a_file_that_cannot_be_written_leaves_nothing(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(_self: object, _path: Path) -> int:
        return 0

    monkeypatch.setattr("osler.store.engine.Engine.count", count)
    assert seal(open_run(recorded).main) == 0
    assert [path.name for path in (recorded / "r00000").iterdir() if path.name.endswith("tmp")] == []
