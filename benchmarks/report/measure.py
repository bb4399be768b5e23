"""How long a report of ten million points takes to write and to use.

Run ``python benchmarks/report/measure.py``; it needs playwright and Chromium, prints a table and writes
``results/report.json`` and ``results/report.md`` beside this file. 100 series of 100 000 steps are recorded
as a program would record them. With ``--beside`` TensorBoard shows the same values, from an environment of
its own in ``.venv/tensorboard``; without, what was measured of it before is kept.
"""

import json
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from beside import LONGEST, READERS, beside

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
CLOCK = "time to read, judge and write, s"
READ = "CPU to read, judge and write, s"
ENVIRONMENT = Path(__file__).parents[2] / ".venv" / "tensorboard"
LIMITS = {
    "size, MB": 2.0,
    READ: 10.0,
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


def written(run: Path, file: Path) -> tuple[float, float]:
    """Seconds of CPU, and of the clock, from the run directory to the file."""
    start, begun = time.process_time(), time.monotonic()
    stored = open_run(run)
    frame = Frame(__version__, run.parent, Sources(), record=stored)
    file.write_text(render(diagnose(stored), frame))
    return time.process_time() - start, time.monotonic() - begun


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


def table(results: dict[str, object], other: dict[str, Any]) -> str:
    """What was measured, for people."""
    rows = [("", "Osler", *(f"TensorBoard {other['version']}, {name}" for name in READERS))] if other else []
    rows = rows or [("", "Osler")]
    rows.append(("---",) * len(rows[0]))
    size, seen = results["size, MB"], [other[f"reader: {name}"] for name in READERS if other]
    spent, opened = float(str(results[READ])), float(str(results["interactive, ms"])) / 1e3
    whole = float(str(results[CLOCK])) + opened
    texts = [
        ("what is opened, MB", f"{size:.2f}", [f"{other['events, MB']:.0f} of event files"] * len(seen)),
        (
            "from the recorded values to the first charts, s",
            f"{whole:.1f}",
            per(seen, "first chart, s"),
        ),
        ("until the last value is there, s", f"{whole:.1f}", per(seen, "last value served, s")),
        ("the same again, s", f"{opened:.1f}", ["as long: it reads anew"] * len(seen)),
        ("CPU until then, s", f"{spent:.1f}", per(seen, "CPU, s")),
        (
            "points of a series of 100 000",
            "600 stretches with lowest, highest, mean",
            [str(s["points of 100 000 served"]) for s in seen],
        ),
        (
            "a spike of one step is shown",
            "yes" if results["spike is shown"] else "no",
            ["yes" if s["spike is served"] else "no" for s in seen],
        ),
    ]
    rows += [(name, own, *theirs) for name, own, theirs in texts]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    command = "python benchmarks/report/measure.py --beside"
    note = (
        "TensorBoard keeps 1 000 points of a series, drawn by chance, unless `--samples_per_plugin` says "
        "more. Its usual reader is a process of its own, whose CPU is not counted here."
    )
    machine = f"{results['machine']}, {results['cpus']} CPUs, load average {results['load average']}"
    about = f"{machine}; Osler {__version__}. Written by `{command}`."
    return "\n".join(["# Ten million values, 100 series", "", about, note, "", *lines, ""])


def per(seen: list[dict[str, Any]], name: str) -> list[str]:
    """One number of each reader."""
    late = f"not within {LONGEST:.0f}"
    return [late if s[name] is None or s[name] >= LONGEST else f"{s[name]:.1f}" for s in seen]


def main() -> int:
    """Measure, print, write; 1 if a limit is passed."""
    into = Path(__file__).parent / "results"
    known = into / "report.json"
    other: dict[str, Any] = (json.loads(known.read_text())["tensorboard"] or {}) if known.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        run, file = record(Path(folder)), Path(folder) / "report.html"
        spent, clock = written(run, file)
        measured = {"size, MB": file.stat().st_size / 1e6, READ: spent} | looked_at(file)
        shown = spike_is_shown(run)
        if "--beside" in sys.argv:
            other = beside(open_run(run), NAMES, ENVIRONMENT, Path(folder))
    about: dict[str, object] = {
        "spike is shown": shown,
        "machine": platform.platform(),
        "cpus": os.cpu_count(),
    }
    about |= {CLOCK: clock, "load average": round(os.getloadavg()[2], 1)}
    results: dict[str, object] = {**measured, **about, "tensorboard": other or None}
    for name, value in measured.items():
        print(f"{name:36} {value:8.2f}  limit {LIMITS[name]:g}")
    print(f"\n{table(results, other)}")
    into.mkdir(exist_ok=True)
    (into / "report.json").write_text(json.dumps(results, indent=2) + "\n")
    (into / "report.md").write_text(table(results, other))
    return int(not shown or any(value > LIMITS[name] for name, value in measured.items()))


if __name__ == "__main__":
    sys.exit(main())
