"""How long a report of ten million points takes to write and to use.

Run ``python benchmarks/report/measure.py``; it needs playwright and Chromium, prints a table and writes
``results/report.json`` beside this file. 100 series of 100 000 steps are recorded as a program would record
them. With ``--beside``, and tensorboard installed, its reader loads a tenth of the same values.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from osler import __version__
from osler.engine.verdict import diagnose
from osler.model.table import Table
from osler.report.frame import Frame
from osler.report.html import render
from osler.report.source import Sources
from osler.store.layout import new_run, process_folder
from osler.store.manifest import begin
from osler.store.reader import open_run
from osler.store.recorder import Recorder

SERIES, STEPS = 100, 100_000
SPIKE = 63_721
NAMES = ["loss", "learning_rate", "gradient_norm", *(f"metric_{n}" for n in range(SERIES - 3))]
LIMITS = {
    "size, MB": 2.0,
    "CPU to read, judge and write, s": 10.0,
    "interactive, ms": 1_000.0,
    "pan and zoom, p95 of a frame, ms": 33.0,
}
FRAMES = """
async () => {
  const buttons = [...document.querySelectorAll("button")];
  const named = (name) => buttons.find((b) => b.textContent === name || b.ariaLabel === name);
  const times = [];
  let before = performance.now();
  const frame = () => new Promise((done) => requestAnimationFrame((now) => {
    times.push(now - before);
    before = now;
    done();
  }));
  await frame(); await frame();
  times.length = 0;
  for (let i = 0; i < 5; i++) { named("Zoom in").click(); await frame(); }
  for (let i = 0; i < 60; i++) {
    named(i % 20 < 10 ? "Earlier steps" : "Later steps").click();
    await frame();
  }
  for (let i = 0; i < 5; i++) { named("Zoom out").click(); await frame(); }
  return times;
}
"""
"""Pans and zooms all charts of the page, one move per frame; the times between frames."""


def record(root: Path) -> Path:
    """Ten million values; one of them is a spike of a single step."""
    run = new_run(root)
    recorder = Recorder(process_folder(run), begin(sys.argv, "train.py", {}, os.environ))
    recorder.start()
    table = Table.of(NAMES)
    recorder.watch_table(table)
    noise = np.random.default_rng(0).normal(size=(1_000, SERIES)) * 0.05
    falling = np.exp(-np.arange(STEPS) / 20_000)
    for step in range(STEPS):
        row = falling[step] + noise[step % 1_000]
        if step == SPIKE:
            row[0] = 50.0
        table.add(step, row.tobytes())
        if step % 5_000 == 0:
            recorder.flush()
    recorder.flush()
    recorder.close()
    return run


def written(run: Path, file: Path) -> float:
    """Seconds of CPU from the run directory to the file."""
    start = time.process_time()
    stored = open_run(run)
    frame = Frame(__version__, run.parent, Sources(), record=stored)
    file.write_text(render(diagnose(stored), frame))
    return time.process_time() - start


def looked_at(file: Path) -> dict[str, float]:
    """Milliseconds until the page can be used, and the slowest frames while it is moved; best of three."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        interactive, frames = [], []
        for _ in range(3):
            page = browser.new_context(viewport={"width": 1280, "height": 800}, offline=True).new_page()
            page.goto(f"{file.as_uri()}#timeline")
            page.wait_for_selector("figure canvas")
            interactive.append(page.evaluate("performance.getEntriesByType('navigation')[0].domInteractive"))
            frames.append(float(np.percentile(page.evaluate(FRAMES), 95)))
            page.close()
        browser.close()
    return {"interactive, ms": min(interactive), "pan and zoom, p95 of a frame, ms": min(frames)}


def spike_is_shown(run: Path) -> bool:
    """Whether the value of a single step in a series of 100 000 is in what the page is told."""
    return bool(open_run(run).main.overviews(600)["loss"].high.max() == 50.0)


def tensorboard(run: Path, root: Path) -> float | None:
    """Seconds of CPU in which TensorBoard's own reader loads a tenth of the series; None without it."""
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        return None
    writer = EventFileWriter(str(root))
    stored = open_run(run)
    for name in NAMES[: SERIES // 10]:
        for step, value in zip(*stored.series(name), strict=True):
            summary = Summary(value=[Summary.Value(tag=name, simple_value=float(value))])
            writer.add_event(Event(step=int(step), summary=summary))
    writer.close()
    start = time.process_time()
    EventAccumulator(str(root)).Reload()
    return time.process_time() - start


def main() -> int:
    """Measure, print, write; 1 if a limit is passed."""
    with tempfile.TemporaryDirectory() as folder:
        run, file = record(Path(folder)), Path(folder) / "report.html"
        spent = written(run, file)
        results = {"size, MB": file.stat().st_size / 1e6, "CPU to read, judge and write, s": spent}
        results |= looked_at(file)
        shown = spike_is_shown(run)
        beside = tensorboard(run, Path(folder) / "events") if "--beside" in sys.argv else None
    for name, value in results.items():
        print(f"{name:36} {value:8.2f}  limit {LIMITS[name]:g}")
    print(f"a spike of one step is shown: {shown}")
    if beside is not None:
        print(f"TensorBoard reads a tenth of it in {beside:.1f} s of CPU")
    about = {"machine": platform.platform(), "cpus": os.cpu_count(), "tensorboard, a tenth, CPU s": beside}
    target = Path(__file__).parent / "results" / "report.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps({**results, "spike is shown": shown, **about}, indent=2) + "\n")
    return int(not shown or any(value > LIMITS[name] for name, value in results.items()))


if __name__ == "__main__":
    sys.exit(main())
