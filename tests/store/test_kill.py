"""A killed process loses nothing that was acknowledged, and what it left can always be read and sealed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from osler.store.layout import new_run
from osler.store.process import Status, StoredProcess
from osler.store.reader import open_run
from osler.store.seal import seal

PROGRAM = Path(__file__).parent / "killed.py"
SEALER = """
import os, signal, sys
from pathlib import Path
from osler.store.reader import open_run
from osler.store.seal import seal

def checkpoint(here):
    if here == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

for process in open_run(Path(sys.argv[1])).processes:
    seal(process, checkpoint)
"""
PLACES = ("write", "between", "flush", "sync", "rotate", "random")
SEALING = ("seal", "count", "rename", "mark", "delete")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="no SIGKILL")


@dataclass(frozen=True)
class Killed:
    """What one round of killing left behind."""

    acknowledged: int
    read: int
    torn: int


def kill_round(root: Path, processes: int, place: str, luck: random.Random) -> list[Killed]:
    """Let processes record into one run, kill them all, and read what is there."""
    run = new_run(root)
    times = str(luck.randint(2, 12))
    arguments = [[str(PROGRAM), str(run), str(rank), place, times] for rank in range(processes)]
    started = [subprocess.Popen([sys.executable, *a], stdout=subprocess.PIPE) for a in arguments]
    if place == "random":
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        time.sleep(luck.uniform(0, 0.2))
        for process in started:
            process.send_signal(signal.SIGKILL)
    said = [process.communicate(timeout=120)[0].split() for process in started]
    assert {process.returncode for process in started} == {-signal.SIGKILL}
    acknowledged = [int(lines[-1]) if lines else 0 for lines in said]
    return list(checked(run, acknowledged, luck))


def checked(run: Path, acknowledged: list[int], luck: random.Random) -> Iterator[Killed]:
    """Read, kill a sealer at one of its points, read again, seal, read again."""
    before = [read(process) for process in open_run(run).processes]
    torn = [
        sum("unfinished" in problem for problem in process.problems) for process in open_run(run).processes
    ]
    subprocess.run([sys.executable, "-c", SEALER, str(run), luck.choice(SEALING)], check=False)
    assert [read(process) for process in open_run(run).processes] == before
    for process in open_run(run).processes:
        seal(process)
    assert [read(process) for process in open_run(run).processes] == before
    for rank, process in enumerate(open_run(run).processes):
        assert process.status is Status.CUT_SHORT
        assert not [p for p in process.problems if "unfinished" not in p]
        assert process.run.turns <= 50
        yield Killed(acknowledged[rank], min(before[rank]), torn[rank])


def read(process: StoredProcess) -> list[int]:
    """How many records of each series there are; all of them must be right."""
    amounts: list[int] = []
    for series in process.series.values():
        steps, values = process.records(series.name)
        np.testing.assert_array_equal(steps, np.arange(len(steps)))
        np.testing.assert_array_equal(values, steps / 4)
        amounts.append(len(steps))
    return amounts or [0]


def check(rounds: list[Killed]) -> None:
    lost = [max(0, killed.acknowledged - killed.read) for killed in rounds]
    assert sum(lost) == 0
    assert sum(killed.acknowledged for killed in rounds) > 0


@pytest.mark.parametrize("place", ["write", "random"])
def test_one_kill(tmp_path: Path, place: str) -> None:
    check(kill_round(tmp_path, 1, place, random.Random(0)))


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.25, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_a_hundred_kills(tmp_path: Path, share: float) -> None:
    luck = random.Random(7)
    kills: list[Killed] = []
    for number in range(int(18 * share)):
        kills += kill_round(tmp_path, 2, PLACES[number % len(PLACES)], luck)
    for number in range(int(8 * share)):
        kills += kill_round(tmp_path, 8, ("write", "random", "between", "write")[number % 4], luck)
    check(kills)
    assert len(kills) >= 96 * share
    assert sum(killed.torn for killed in kills) >= 20 * share
