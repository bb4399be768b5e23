"""A run with two processes, awkward names and numbers, as every export target gets it."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from osler.model import Column
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.reader import StoredRun, open_run
from osler.store.recorder import Options, Recorder
from osler.store.records import Series

VALUES = {
    "loss": [(0, 0.1), (1, math.nan), (1, math.inf), (2, -1e300)],
    "gradient_norm:fc,1": [(0, 0.5), (2, 1 / 3)],
    'odd "name"\n\ud800': [(7, 1.0)],
}


def about(key: str) -> Series:
    name, _, subject = key.partition(":")
    return Series(key, name, subject, unit="nats" if name == "loss" else "")


def record(run: Path, rank: int, values: dict[str, list[tuple[int, float]]] = VALUES) -> None:
    manifest = begin(["train.py"], "train.py", {}, {**os.environ, "RANK": str(rank)})
    recorder = Recorder(process_folder(run, rank), manifest, Options(describe=about))
    recorder.start()
    for name, points in values.items():
        column = Column()
        recorder.watch(name, column)
        for step, value in points:
            column.add(step, value)
    recorder.close()


@pytest.fixture
def stored(tmp_path: Path) -> StoredRun:
    run = new_run(tmp_path)
    record(run, 0)
    return open_run(run)


@pytest.fixture
def two(tmp_path: Path) -> StoredRun:
    """Two processes, which number their series each on their own."""
    run = new_run(tmp_path)
    record(run, 0)
    record(run, 1, {"accuracy": [(0, 0.5)], "loss": [(0, 0.75)]})
    return open_run(run)


@pytest.fixture
def empty(tmp_path: Path) -> StoredRun:
    run = new_run(tmp_path)
    record(run, 0, {})
    return open_run(run)


Sealed = Callable[[StoredRun], StoredRun]


@pytest.fixture(params=["hot", "sealed"])
def state(request: pytest.FixtureRequest) -> Sealed:
    """The records as they were written, or sealed."""
    from osler.store.seal import seal

    def prepared(stored: StoredRun) -> StoredRun:
        if request.param == "sealed":
            assert all(seal(process) for process in stored.processes)
        return open_run(stored.path)

    return prepared
