"""What watching costs, by direct accounting: Osler's own time over the rest of the training time.

Run ``python benchmarks/overhead/measure.py``; it prints a table and writes ``results/overhead.json`` beside
this file. Each workload runs three times under ``osler run``; the median is reported. Also timed:
``osler --help``.
"""

import json
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent
REPEATS = 3
CONTRACT = 0.01
"""What `--overhead` allows sampled work by default."""

WORKLOADS = {
    "small_resnet": ("small_resnet.py", (), 0.01),
    "gpt_4_layers": ("gpt_4_layers.py", (), 0.01),
    "digits_mlp": ("digits_mlp.py", (), 0.05),
    "digits_mlp_long": ("digits_mlp.py", ("400",), 0.05),
}
"""Script, arguments and limit; the last one trains ten times as long: what is left is the cost of a step."""


def overhead(script: Path, args: tuple[str, ...]) -> tuple[float, float, int]:
    """Shares of the time that one run spent in Osler and for sampled work, and its steps."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [
            sys.executable,
            "-m",
            "osler",
            "run",
            "--quiet",
            "--format",
            "json",
            "--output",
            str(result),
        ]
        subprocess.run([*command, str(script), *args], check=True, capture_output=True)
        told = json.loads(result.read_text())
    return told["overhead"]["measured"], told["overhead"]["sampled"], told["subject"]["steps"]


def help_seconds() -> float:
    """Time for `osler --help` in a process of its own."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "osler", "--help"], check=True, capture_output=True)
    return time.perf_counter() - start


def bare_seconds() -> float:
    """Time for an interpreter that does nothing."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> int:
    """Measure, print, write; 1 if a limit is exceeded."""
    rows = {}
    for name, (script, args, limit) in WORKLOADS.items():
        runs = [overhead(HERE / "workloads" / script, args) for _ in range(REPEATS)]
        shares, sampled, steps = zip(*runs, strict=True)
        rows[name] = {
            "measured": median(shares),
            "limit": limit,
            "sampled": median(sampled),
            "steps": steps[0],
        }
        row = rows[name]
        shown = f"{row['measured']:7.2%} limit {limit:.0%}, sampled {row['sampled']:.2%}"
        print(f"{name:15} {shown}, {steps[0]} steps")
    rows["help"] = {"seconds": median(help_seconds() for _ in range(5)), "limit": 0.2}
    rows["interpreter"] = {"seconds": median(bare_seconds() for _ in range(5))}
    total, python = rows["help"]["seconds"], rows["interpreter"]["seconds"]
    print(f"{'osler --help':15} {total:6.3f} s, of which Python itself {python:.3f} s")
    machine = {
        "python": platform.python_version(),
        "torch": version("torch"),
        "machine": platform.processor(),
    }
    (HERE / "results" / "overhead.json").write_text(
        json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n"
    )
    too_much = any(r.get("measured", r.get("seconds")) > r["limit"] for r in rows.values() if "limit" in r)
    return int(too_much or any(r.get("sampled", 0.0) > CONTRACT for r in rows.values()))


if __name__ == "__main__":
    sys.exit(main())
