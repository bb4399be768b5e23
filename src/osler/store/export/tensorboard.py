"""Event files for TensorBoard, a folder for each process when there are several."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from osler.errors import UsageError
from osler.store.export.parts import Part, parts
from osler.store.reader import StoredRun
from osler.store.records import Series

SUFFIX = ".tensorboard"
WAITING = 1_000
"""Events that may wait for the writer's thread."""


def write(stored: StoredRun, path: Path) -> int:
    """Write the folder. TensorBoard keeps 32 bits of a value; all events bear the time of the run's start.

    Raises:
        OSError: it cannot be written.
        UsageError: tensorboard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise UsageError(
            "tensorboard is not installed, and its own writer makes these files",
            fix="Install it: python -m pip install tensorboard",
        )
    event_files: Any = import_module("tensorboard.summary.writer.event_file_writer")
    path.mkdir()
    writers: dict[str, Any] = {}
    began, amount = seconds(stored.manifest.started), 0
    for part in parts(stored):
        if part.process not in writers:
            folder = path / part.process if len(stored.processes) > 1 else path
            writers[part.process] = event_files.EventFileWriter(str(folder), max_queue_size=WAITING)
        add(writers[part.process], part, began)
        amount += len(part.sids)
    for writer in writers.values():
        writer.close()
    return amount


def seconds(started: str) -> float:
    """A time as TensorBoard has it; 0 if it is unknown."""
    try:
        return datetime.fromisoformat(started).timestamp()
    except ValueError:
        return 0.0


def add(writer: Any, part: Part, began: float) -> None:
    """Write one event for each step, with all its values."""
    event: Any = import_module("tensorboard.compat.proto.event_pb2").Event
    summary: Any = import_module("tensorboard.compat.proto.summary_pb2").Summary
    tags = {sid: tag(series) for sid, series in part.series.items()}
    order = np.argsort(part.steps, kind="stable")
    steps, starts = np.unique(part.steps[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)][: len(starts)]
    sids, numbers = part.sids[order].tolist(), part.values[order].tolist()
    for step, a, b in zip(steps.tolist(), starts.tolist(), ends, strict=True):
        of_step = zip(sids[a:b], numbers[a:b], strict=True)
        values = [summary.Value(tag=tags[sid], simple_value=number) for sid, number in of_step]
        writer.add_event(event(wall_time=began, step=step, summary=summary(value=values)))


def tag(series: Series) -> str:
    """The name under which TensorBoard shows a series: its measure is the group."""
    return f"{series.measure}/{series.subject}" if series.subject else series.name
