"""How long TensorBoard takes to show the values that `measure.py` has recorded, and how large its files are.

TensorBoard is installed into an environment of its own, made at the first time, and runs as its users run it:
`tensorboard --logdir FOLDER`, with its faster reader if the package brings one for this machine.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import time
import urllib.request
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from osler.store.reader import StoredRun

if TYPE_CHECKING:
    from playwright.sync_api import Page

LONGEST = 900.0
"""Seconds after which we no longer wait for the whole of the data."""

WRITER = """
import sys
import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

names, rows = open(sys.argv[1]).read().split(), np.load(sys.argv[2], mmap_mode="r")
with open(sys.argv[3], "wb") as file:
    writer = RecordWriter(file)
    writer.write(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
    for step, row in enumerate(rows):
        values = [Summary.Value(tag=n, simple_value=v) for n, v in zip(names, row.tolist())]
        event = Event(wall_time=1.0 + step, step=step, summary=Summary(value=values))
        writer.write(event.SerializeToString())
"""
"""One event for each step with all of its values: smaller and sooner read than one for each value."""


def beside(stored: StoredRun, names: list[str], environment: Path, folder: Path) -> dict[str, object]:
    """What TensorBoard needs for the same values."""
    installed(environment)
    logs = folder / "events"
    logs.mkdir()
    written = spent(lambda: write(stored, names, environment, folder, logs))
    size = sum(p.stat().st_size for p in logs.iterdir()) / 1e6
    seen = {f"reader: {name}": watched(environment, logs, flag) for name, flag in READERS.items()}
    version = [environment / "bin/python", "-c", "import tensorboard as t; print(t.__version__)"]
    about = subprocess.run(version, capture_output=True, text=True, check=True).stdout.strip()
    return {"version": about, "events, MB": size, "CPU to write events, s": written, **seen}


READERS = {"usual": "auto", "in Python": "false"}
"""What `--load_fast` is given: the reader in Rust where there is one, and the other."""


def installed(environment: Path) -> None:
    """Make the environment, once."""
    if not (environment / "bin/tensorboard").exists():
        venv.create(environment, with_pip=True)
        subprocess.run([environment / "bin/pip", "install", "-q", "tensorboard"], check=True)


def write(stored: StoredRun, names: list[str], environment: Path, folder: Path, logs: Path) -> None:
    """Write the values as event files, in TensorBoard's own process and with its own writer."""
    np.save(folder / "rows.npy", np.stack([stored.series(n)[1] for n in names], axis=1))
    (folder / "names.txt").write_text("\n".join(names))
    target = logs / "events.out.tfevents.1.osler"
    arguments = [folder / "names.txt", folder / "rows.npy", target]
    subprocess.run([environment / "bin/python", "-c", WRITER, *map(str, arguments)], check=True)


def watched(environment: Path, logs: Path, load_fast: str) -> dict[str, object]:
    """Seconds from the command to a first chart in the browser and to the last value; what is served then."""
    from playwright.sync_api import sync_playwright

    port = 16_006
    command = [environment / "bin/tensorboard", "--logdir", logs, "--port", str(port), "--host", "127.0.0.1"]
    start, before = time.monotonic(), children()
    with (logs.parent / f"tensorboard-{load_fast}.log").open("w") as said:
        server = subprocess.Popen([*map(str, command), f"--load_fast={load_fast}"], stdout=said, stderr=said)
    try:
        with sync_playwright() as running:
            browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            first = first_chart(page, f"http://127.0.0.1:{port}/", start)
            browser.close()
        points = everything(f"http://127.0.0.1:{port}/data/plugin/scalars", start)
        whole = time.monotonic() - start
    finally:
        server.terminate()
        server.wait()
    return {
        "first chart, s": first,
        "last value served, s": whole,
        "CPU, s": children() - before,
        "points of 100 000 served": len(points),
        "spike is served": any(value > 40 for _, _, value in points),
    }


def first_chart(page: Page, address: str, start: float) -> float | None:
    """Seconds until a line is drawn: TensorBoard asks again every half minute, so we do it earlier."""
    while time.monotonic() - start < LONGEST:
        try:
            page.goto(f"{address}#timeseries", wait_until="load")
            page.wait_for_selector("line-chart canvas, line-chart svg", timeout=5_000)
            return time.monotonic() - start
        except Exception:  # noqa: BLE001  # not there yet, of whatever kind
            time.sleep(0.2)
    return None


def everything(address: str, start: float) -> list[list[float]]:
    """Waits until the last step of the first series is served; the points of that series."""
    points: list[list[float]] = []
    while time.monotonic() - start < LONGEST and not (points and points[-1][1] >= 99_999):
        time.sleep(0.5)
        tags = asked(f"{address}/tags")
        if tags and isinstance(tags, dict):
            run = next(iter(tags))
            found = asked(f"{address}/scalars?run={run}&tag=loss")
            points = found if isinstance(found, list) else points
    return points


def asked(address: str) -> object:
    """What the server answers; None if it does not."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return json.loads(answer.read())
    except (OSError, ValueError):
        return None


def children() -> float:
    """Seconds of CPU of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spent(work: Callable[[], object]) -> float:
    """Seconds of CPU that others have used for some work."""
    before = children()
    work()
    return children() - before
