"""A run is read while another process writes it: no error, and never more than a second behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from osler.store.layout import new_run
from osler.store.process import Status
from osler.store.reader import open_run
from osler.store.seal import seal

WRITE = """
import sys, time
from pathlib import Path
from osler.model import Column
from osler.store.layout import process_folder
from osler.store.manifest import begin
from osler.store.recorder import Options, Recorder

recorder = Recorder(process_folder(Path(sys.argv[1])), begin([], "", {}, {}), Options(segment=2_000))
recorder.start()
clock = Column()
recorder.watch("clock", clock)
step, until = 0, time.time() + float(sys.argv[2])
while time.time() < until:
    clock.add(step, time.time())
    step += 1
    time.sleep(0.002)
recorder.close()
"""
BEHIND = 1.0
"""Seconds between a value and the moment at which a reader sees it, at most."""


def follow(root: Path, seconds: float) -> list[float]:
    """Read all the time; how far behind the newest value was at each look."""
    run = new_run(root)
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(run), str(seconds)])
    while not list(run.glob("r00000/scalars-*.sums")):
        time.sleep(0.01)
    stored, behind = open_run(run), []
    while stored.status is Status.RECORDING:
        stored.refresh()
        steps, values = stored.series("clock")
        if stored.status is Status.RECORDING and len(values):
            behind.append(time.time() - values[-1])
        np.testing.assert_array_equal(steps, np.arange(len(steps)))
        assert len(stored.run.columns["clock"]) == len(steps)
        assert stored.problems == ()
        if len(behind) % 20 == 0:
            seal(stored.main)
        time.sleep(0.02)
    assert writer.wait(timeout=10) == 0
    stored.refresh()
    assert stored.status is Status.COMPLETE
    assert len(stored.series("clock")[0]) > seconds * 50
    return behind


def test_for_three_seconds(tmp_path: Path) -> None:
    behind = follow(tmp_path, 3)
    assert np.percentile(behind, 90) <= BEHIND


@pytest.mark.exhaustive
def test_for_a_minute(tmp_path: Path) -> None:
    assert np.percentile(follow(tmp_path, 60), 99) <= BEHIND


@pytest.mark.skipif(os.name != "posix", reason="no SIGSTOP")
def test_a_writer_that_stands_still_is_not_taken_for_dead(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(run), "60"])
    while not list(run.glob("r00000/scalars-*.sums")):
        time.sleep(0.01)
    writer.send_signal(signal.SIGSTOP)
    assert open_run(run).status is Status.RECORDING
    writer.kill()
    writer.wait()
    assert open_run(run).status is Status.CUT_SHORT
