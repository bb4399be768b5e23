"""What the tests of the run directory share: a folder to record into, and a way to record into it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.recorder import Options, Recorder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return new_run(tmp_path)


@pytest.fixture
def folder(run: Path) -> Path:
    return process_folder(run)


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., Recorder]]:
    """Begin to record; whatever is still recorded at the end is closed."""
    begun: list[Recorder] = []

    def start(**options: object) -> Recorder:
        manifest = begin(["train.py"], "train.py", {"osler": "0.1"}, os.environ)
        recorder = Recorder(folder, manifest, Options(**options))
        recorder.start()
        begun.append(recorder)
        return recorder

    yield start
    for recorder in begun:
        recorder.close()
