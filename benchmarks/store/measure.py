"""What the run directory costs: time and memory while training, bytes when sealed, time to look at it.

Run ``python benchmarks/store/measure.py``; it prints a table and writes ``results/store.json`` beside this
file. TensorBoard's writer (tensorboardX, if it is installed) and SQLite in WAL mode record the same in the
same run, taking turns. One step is 100 scalars, given as one row of a table or one by one.
"""

import json
import os
import platform
import resource
import sqlite3
import sys
import tempfile
import time
from array import array
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np

from osler.model import Column
from osler.model.table import Table
from osler.store import arrow
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.reader import open_run
from osler.store.recorder import Recorder
from osler.store.seal import seal
from osler.store.segment import Segments

HERE = Path(__file__).parent
SERIES = 100
REPEATS = 3
DIFFERENT = 64
"""Different rows: few, because values that were just computed are in the processor's cache too."""

LIMITS = {
    "as rows of bytes, µs CPU per step": 10.0,
    "bytes per sealed record, noise": 10.0,
    "open and overview of 10 million records, ms": 100.0,
    "memory growth over 1 million steps, MB": 4.0,
}
NAMES = [f"series-{number}" for number in range(SERIES)]


def recorder_in(root: Path) -> tuple[Recorder, Path]:
    """A recorder that runs, and its run directory."""
    run = new_run(root)
    recorder = Recorder(process_folder(run), begin(sys.argv, __file__, {}, os.environ))
    recorder.start()
    recorder.flush()
    return recorder, run


def columns_of(recorder: Recorder) -> list[Column]:
    """A recorded column for each name."""
    columns = [Column() for _ in NAMES]
    for name, column in zip(NAMES, columns, strict=True):
        recorder.watch(name, column)
    recorder.flush()
    return columns


def as_rows_of_bytes(root: Path, values: list[list[float]], pause: float) -> float:
    """Microseconds of CPU per step; rows as bytes, which is how numpy and torch hand them over."""
    ready = {id(row): array("d", row).tobytes() for row in values[:DIFFERENT]}
    return as_rows(root, [ready[id(row)] for row in values], pause)


def as_rows(root: Path, values: Sequence[Sequence[float] | bytes], pause: float) -> float:
    """Microseconds of CPU per step, of all threads, until everything is on the disk."""
    recorder = recorder_in(root)[0]
    table = Table.of(NAMES)
    recorder.watch_table(table)
    start = time.process_time()
    for step, row in enumerate(values):
        table.add(step, row)
        if pause:
            time.sleep(pause)
    recorder.flush()
    spent = time.process_time() - start
    recorder.close()
    return spent / len(values) * 1e6


def one_by_one(root: Path, values: list[list[float]], pause: float) -> float:
    """The same with a column for each."""
    recorder = recorder_in(root)[0]
    columns = columns_of(recorder)
    ways = [(column.steps.append, column.values.append) for column in columns]
    start = time.process_time()
    for step, row in enumerate(values):
        for (add_step, add_value), value in zip(ways, row, strict=True):
            add_step(step)
            add_value(value)
        if pause:
            time.sleep(pause)
    recorder.flush()
    spent = time.process_time() - start
    recorder.close()
    return spent / len(values) * 1e6


def nothing(_: Path, values: list[list[float]], pause: float) -> float:
    """The loop alone."""
    start = time.process_time()
    for _row in values:
        if pause:
            time.sleep(pause)
    return (time.process_time() - start) / len(values) * 1e6


def tensorboard(root: Path, values: list[list[float]], pause: float) -> float:
    """The same by tensorboardX, which flushes every two minutes and at the end."""
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(root / "tensorboard"))
    start = time.process_time()
    for step, row in enumerate(values):
        for name, value in zip(NAMES, row, strict=True):
            writer.add_scalar(name, value, step)
        if pause:
            time.sleep(pause)
    writer.close()
    return (time.process_time() - start) / len(values) * 1e6


def sqlite(root: Path, values: list[list[float]], pause: float) -> float:
    """The same by SQLite: one row per value, one transaction per step."""
    database = sqlite3.connect(root / "run.sqlite", isolation_level=None)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=normal")
    database.execute("create table scalars (sid integer, step integer, value real)")
    start = time.process_time()
    for step, row in enumerate(values):
        database.execute("begin")
        database.executemany(
            "insert into scalars values (?, ?, ?)", [(n, step, v) for n, v in enumerate(row)]
        )
        database.execute("commit")
        if pause:
            time.sleep(pause)
    spent = time.process_time() - start
    database.close()
    return spent / len(values) * 1e6


def interleaved(ways: dict[Callable[..., float], int], pause: float) -> dict[str, float | None]:
    """Median microseconds of CPU per step of each way, one after the other, several times.

    Args:
        ways: how many steps of each.
        pause: seconds between two steps.
    """
    rows = np.random.default_rng(0).standard_normal((DIFFERENT, SERIES)).tolist()
    values = [rows[step % DIFFERENT] for step in range(max(ways.values()))]
    seen: dict[str, list[float]] = {way.__name__: [] for way in ways}
    for _ in range(REPEATS):
        for way, steps in ways.items():
            with tempfile.TemporaryDirectory() as root:
                try:
                    seen[way.__name__].append(way(Path(root), values[:steps], pause))
                except ModuleNotFoundError:
                    continue
    return {name: round(median(found), 2) if found else None for name, found in seen.items()}


def ten_million(root: Path, values: np.ndarray) -> Path:
    """A complete, sealed run of 100 series with 100 000 steps each."""
    recorder, run = recorder_in(root)
    columns_of(recorder)
    recorder.close()
    segments = Segments(run / "r00000", "scalars", arrow.scalars)
    sids = array("I", range(SERIES)) * 100
    for first in range(0, len(values), 100):
        steps = array("q", np.repeat(np.arange(first, first + 100), SERIES).tobytes())
        segments.append(len(sids), (sids, steps, array("d", values[first : first + 100].tobytes())))
    segments.close()
    seal(open_run(run).main)
    return run


def sealed_bytes(run: Path) -> float:
    """Bytes of all files per record."""
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    return size / (SERIES * 100_000)


def milliseconds(look: Callable[[], object]) -> float:
    """The median time of a look, the first one left out: the libraries are loaded, the pages in memory."""
    seen: list[float] = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        look()
        seen.append((time.perf_counter() - start) * 1e3)
    return round(median(seen[1:]), 1)


def looked_at(root: Path) -> dict[str, float]:
    """Bytes and times of a run of ten million records."""
    noise = np.random.default_rng(1).standard_normal((100_000, SERIES))
    run = ten_million(root / "noise", noise)
    walk = ten_million(root / "walk", (noise.cumsum(axis=0) * 0.01 + 5).astype(np.float32).astype(np.float64))
    one = NAMES[7]
    return {
        "bytes per sealed record, noise": round(sealed_bytes(run), 2),
        "bytes per sealed record, like a loss in float32": round(sealed_bytes(walk), 2),
        "open and overview of 10 million records, ms": milliseconds(lambda: open_run(run).overview(one)),
        "open and one whole series of 10 million records, ms": milliseconds(
            lambda: open_run(run).series(one)
        ),
        "open and all columns of 10 million records, ms": milliseconds(lambda: open_run(run).run),
    }


def memory_growth(root: Path) -> float:
    """Megabytes that the process grows by from step 300 000 to step 1 300 000, ten series."""
    recorder = recorder_in(root)[0]
    ways = [(column.steps.append, column.values.append) for column in columns_of(recorder)[:10]]
    before = 0
    for step in range(1_300_000):
        if step == 300_000:
            before = resident()
        for add_step, add_value in ways:
            add_step(step)
            add_value(0.5)
        if step % 100 == 0:
            time.sleep(0.001)
    recorder.flush()
    growth = resident() - before
    recorder.close()
    return round(growth / 1e6, 2)


def resident() -> int:
    """Bytes of memory that the process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def main() -> int:
    """Measure, print, write; 1 if a limit is exceeded."""
    rows: dict[str, float | None] = {}
    with tempfile.TemporaryDirectory() as root:
        rows["memory growth over 1 million steps, MB"] = memory_growth(Path(root))
    ours = dict.fromkeys((nothing, as_rows_of_bytes, as_rows, one_by_one), 20_000)
    fast = {**ours, tensorboard: 200, sqlite: 2_000}
    paced = dict.fromkeys(fast, 400)
    for name, ways, pause in (("", fast, 0.0), (", steps of 10 ms", paced, 0.01)):
        found = interleaved(ways, pause)
        for way, value in found.items():
            told = f"{way.replace('_', ' ')}{name}, µs CPU per step"
            rows[told] = None if value is None else round(value - (found["nothing"] or 0.0), 2)
    with tempfile.TemporaryDirectory() as root:
        for part in ("noise", "walk"):
            Path(root, part).mkdir()
        rows |= looked_at(Path(root))
    exceeded = [name for name, limit in LIMITS.items() if (rows[name] or 0.0) > limit]
    for name, value in rows.items():
        limit = f"limit {LIMITS[name]:g}" if name in LIMITS else ""
        print(f"{name:60} {'not installed' if value is None else value:>12}  {limit}")
    machine = {"python": platform.python_version(), "cpus": os.cpu_count(), "system": platform.platform()}
    libraries = {name: version(name) for name in ("duckdb", "nanoarrow", "numpy")}
    result = {"machine": machine, "libraries": libraries, "limits": LIMITS, "measured": rows}
    (HERE / "results" / "store.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    return 1 if exceeded else 0


if __name__ == "__main__":
    sys.exit(main())
