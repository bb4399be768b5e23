"""A disk that takes no more ends recording with one warning, and what was acknowledged is read back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from osler.store.reader import open_run

RECORD = """
import os, resource, sys, time
from pathlib import Path
from osler.model import Column
from osler.store.layout import process_folder
from osler.store.manifest import begin
from osler.store.recorder import Options, Recorder

run, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
options = Options(warn=lambda sentence: print(sentence, file=sys.stderr))
recorder = Recorder(process_folder(run), begin([], "", {}, {}), options)
recorder.start()
loss = Column()
recorder.watch("loss", loss)
safe = 0
for step in range(30_000):
    loss.add(step, step / 2)
    if step % 500 == 499 and recorder.flush():
        safe = step + 1
recorder.close()
print(safe, loss.total, loss.last)
"""

pytestmark = pytest.mark.skipif(os.name != "posix", reason="other limits")


def record(run: Path, limit: int) -> tuple[int, str]:
    """Record until the disk is full; how much was acknowledged, and what was said."""
    run.mkdir(parents=True)
    command = [sys.executable, "-c", RECORD, str(run), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    safe, total, last = done.stdout.split()
    assert (total, last) == ("30000", "14999.5")
    return int(safe), done.stderr


def check(run: Path, safe: int) -> None:
    steps, values = open_run(run).series("loss")
    assert 0 < safe <= len(steps) < 30_000
    assert steps.tolist() == list(range(len(steps)))
    assert values.tolist() == [step / 2 for step in steps.tolist()]


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    run = tmp_path / "run"
    safe, said = record(run, 100_000)
    assert said == f"recording stopped: File too large ({run / 'r00000'})\n"
    check(run, safe)


def test_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "osler", str(disk)]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip("no file system may be mounted here")
    try:
        safe, said = record(disk / "run", 0)
        assert said == f"recording stopped: No space left on device ({disk / 'run' / 'r00000'})\n"
        check(disk / "run", safe)
    finally:
        subprocess.run(["umount", disk], check=True)
