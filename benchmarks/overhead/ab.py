"""What watching costs from outside: CPU time of the same script with and without Osler, taking turns.

Run ``python benchmarks/overhead/ab.py [--rounds 20] [WORKLOAD …]``; it prints a table and writes
``results/ab.json`` beside this file. A round runs the script three times, each in a process of its own:
bare, bare once more, and watched and recorded; their order changes from round to round. The two bare runs
say how far two equal runs differ on this machine (A/A); only what exceeds that is Osler's. CPU time is
that of all threads, from the first line of the script to its last, without the start of Python, torch, Osler.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median

HERE = Path(__file__).parent
WORKLOADS = ("digits_mlp", "small_resnet", "gpt_4_layers")
RESAMPLES = 10_000
COVERAGE = 0.95

BARE = """
import runpy, sys, time
import sklearn.datasets, torch, torch.utils.data
begin = time.process_time()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
print("CPU", time.process_time() - begin)
"""

WATCHED = """
import sys, time
from pathlib import Path
import sklearn.datasets, torch, torch.utils.data
import runpy
from osler.session import Session
from osler.store.logbook import Plan
session = Session(plan=Plan(Path.cwd(), script=sys.argv[1]))
session.attach(ahead=True)
begin = time.process_time()
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
print("CPU", time.process_time() - begin)
session.detach()
session.finish(sys.argv[0])
session.close("{}")
"""


def seconds(driver: str, script: Path) -> float:
    """CPU seconds of the script under one of the drivers."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [sys.executable, "-c", driver, str(script)],
            check=True,
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    return float(run.stdout.rpartition("CPU ")[2])


def rounds(script: Path, many: int) -> list[dict[str, float]]:
    """Bare, bare again and watched, in an order that changes."""
    shuffle = random.Random(0).shuffle
    taken: list[dict[str, float]] = []
    for number in range(many):
        order = [("a", BARE), ("again", BARE), ("watched", WATCHED)]
        shuffle(order)
        taken.append({name: seconds(driver, script) for name, driver in order})
        print(f"\r{script.stem}: round {number + 1} of {many}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return taken


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Median of the ratios less one, with a bootstrap interval of it."""
    draw = random.Random(0).choices
    medians = sorted(median(draw(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    tail = int((1 - COVERAGE) / 2 * RESAMPLES)
    return median(ratios) - 1, medians[tail] - 1, medians[-tail - 1] - 1


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("workloads", nargs="*", default=WORKLOADS)
    given = parser.parse_args()
    rows: dict[str, object] = {}
    for name in given.workloads:
        taken = rounds(HERE / "workloads" / f"{name}.py", given.rounds)
        same = interval([r["again"] / r["a"] for r in taken])
        watched = interval([2 * r["watched"] / (r["a"] + r["again"]) for r in taken])
        bare = mean(r["a"] for r in taken)
        rows[name] = {"a_a": same, "a_b": watched, "bare_seconds": round(bare, 3), "rounds": given.rounds}
        for label, (middle, low, high) in (("A/A", same), ("A/B", watched)):
            print(f"{name:14} {label} {middle:+7.2%}  [{low:+.2%}, {high:+.2%}]  of {bare:.2f} s CPU")
    machine = {"python": platform.python_version(), "torch": version("torch"), "cores": os.cpu_count()}
    file = HERE / "results" / "ab.json"
    known = json.loads(file.read_text())["rows"] if file.exists() else {}
    file.write_text(json.dumps({"machine": machine, "rows": {**known, **rows}}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
