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
LIMITS = {"small_resnet": 0.01, "gpt_4_layers": 0.01, "digits_mlp": 0.05}


def overhead(script: Path) -> tuple[float, int]:
    """Share of the time that one run spent in Osler, and its steps."""
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
        subprocess.run([*command, str(script)], check=True, capture_output=True)
        told = json.loads(result.read_text())
    return told["overhead"]["measured"], told["subject"]["steps"]


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
    for name, limit in LIMITS.items():
        runs = [overhead(HERE / "workloads" / f"{name}.py") for _ in range(REPEATS)]
        rows[name] = {"measured": median(share for share, _ in runs), "limit": limit, "steps": runs[0][1]}
        print(f"{name:14} {rows[name]['measured']:7.2%} limit {limit:.0%}, {runs[0][1]} steps")
    rows["help"] = {"seconds": median(help_seconds() for _ in range(5)), "limit": 0.2}
    rows["interpreter"] = {"seconds": median(bare_seconds() for _ in range(5))}
    total, python = rows["help"]["seconds"], rows["interpreter"]["seconds"]
    print(f"{'osler --help':14} {total:6.3f} s, of which Python itself {python:.3f} s")
    machine = {
        "python": platform.python_version(),
        "torch": version("torch"),
        "machine": platform.processor(),
    }
    (HERE / "results" / "overhead.json").write_text(
        json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n"
    )
    return int(any(r.get("measured", r.get("seconds")) > r["limit"] for r in rows.values() if "limit" in r))


if __name__ == "__main__":
    sys.exit(main())
