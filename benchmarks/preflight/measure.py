"""What a pre-flight costs: seconds on a small CNN, memory on a GPT of ten million parameters.

    python benchmarks/preflight/measure.py

The CNN is `examples/digits/train_fixed.py`, with time for every experiment. The GPT is
`workloads/gpt_10m.py`, with `--budget 60s`: what was asked and what was not; and with time for more, the
peak memory of the process beside that of the bare script after some steps. The difference is compared
with one copy of the model and its optimizer. Written to `results/cost.md` and `results/cost.json`; 1 if a
limit is exceeded.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CNN = ROOT / "examples" / "digits" / "train_fixed.py"
GPT = HERE / "workloads" / "gpt_10m.py"
IDLE = "import torch\nprint(torch.zeros(1))\n"
"""A script that trains nothing: what Osler itself adds to a process."""

SECONDS = 30.0
"""Limit of CPU time for the default set on the CNN."""

BUDGET, MORE, ENOUGH = "60s", "3m", "10m"
"""For the list of what is asked of the GPT; for its memory; for all that the CNN can be asked."""

BARE_STEPS = 6
"""Steps after which the memory of the bare script does not grow any more."""

STATES = 3
"""Numbers that AdamW and the model keep for each parameter: the weight and two moments."""

MEGA = 1e6


@dataclass(frozen=True)
class Cost:
    """What one process took.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of CPU time.
        memory: peak, in megabytes.
        told: the report, empty for a bare script.
    """

    wall: float
    cpu: float
    memory: float
    told: dict[str, Any]

    @property
    def asked(self) -> list[str]:
        """Experiments that were made."""
        return [e["name"] for e in self.told["experiments"] if not e["skipped"]]

    @property
    def refused(self) -> dict[str, str]:
        """Experiments that were not made, with the reason."""
        return {e["name"]: e["skipped"] for e in self.told["experiments"] if e["skipped"]}


def bare(script: Path, *arguments: str) -> Cost:
    """A script by itself."""
    return measured([str(script), *arguments], {})


def flown(script: Path, *options: str) -> Cost:
    """A script under `osler preflight`."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = ["-m", "osler", "preflight", "--quiet", "--no-store", "--output", str(report)]
        cost = measured([*command, *options, str(script)], {})
        return Cost(cost.wall, cost.cpu, cost.memory, json.loads(report.read_text()))


def measured(arguments: list[str], told: dict[str, Any]) -> Cost:
    """A Python process with one thread."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=folder, env=environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    wall = time.perf_counter() - start
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MEGA, told)


def idle() -> float:
    """Megabytes that Osler adds to a process that trains nothing."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "idle.py"
        script.write_text(IDLE)
        return flown(script).memory - bare(script).memory


def main() -> int:
    """Measure, write, judge."""
    cnn, gpt = flown(CNN, "--budget", ENOUGH), flown(GPT, "--budget", BUDGET)
    plain, whole = bare(GPT, str(BARE_STEPS)), flown(GPT, "--budget", MORE)
    own = idle()
    network = next(e for e in gpt.told["experiments"] if e["name"] == "network")
    copy = network["values"]["parameters"] * 4 * STATES / MEGA
    extra = whole.memory - plain.memory - own
    limits = {"cnn_cpu_seconds": (cnn.cpu, SECONDS), "gpt_extra_megabytes": (extra, copy)}
    machine = {
        "python": platform.python_version(),
        "torch": version("torch"),
        "machine": platform.processor(),
    }
    costs = {"cnn": cnn, "gpt_bare": plain, "gpt": gpt, "gpt_all": whole}
    rows = {name: {"cpu": c.cpu, "wall": c.wall, "megabytes": c.memory} for name, c in costs.items()}
    told = {"machine": machine, "rows": rows, "osler_itself_megabytes": own, "limits": limits}
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results" / "cost.json").write_text(json.dumps(told, indent=2) + "\n")
    page = markdown(cnn, gpt, [plain.memory, whole.memory, own, copy])
    (HERE / "results" / "cost.md").write_text(page)
    print(page)
    return int(any(value > limit for value, limit in limits.values()))


def markdown(cnn: Cost, gpt: Cost, memory: list[float]) -> str:
    """The figures as a page."""
    plain, whole, own, copy = memory
    lines = [
        "# What a pre-flight costs",
        "",
        "Written by `python benchmarks/preflight/measure.py`, which says what is measured. One thread; "
        "seconds of CPU time, with the import of torch, beside those of the clock on a busy machine.",
        "",
        "| program | CPU s | by the clock | asked | limit |",
        "|---|---:|---:|---:|---|",
        row("CNN on digits, all experiments", cnn, f"{SECONDS:.0f} s"),
        row(f"GPT, `--budget {BUDGET}`", gpt, ""),
        "",
        "| memory of the GPT at its peak | MB |",
        "|---|---:|",
        f"| bare script, {BARE_STEPS} steps | {plain:.0f} |",
        f"| under `osler preflight`, `--budget {MORE}` | {whole:.0f} |",
        f"| Osler itself, with a script that trains nothing | {own:.0f} |",
        f"| experiments: the difference | {whole - plain - own:.0f} |",
        f"| limit: one copy of the model and its optimizer | {copy:.0f} |",
        "",
        f"Asked of the GPT, in this order: {', '.join(gpt.asked)}.",
        "",
        "| not asked of the GPT | why |",
        "|---|---|",
        *(f"| {name} | {why} |" for name, why in gpt.refused.items()),
    ]
    return "\n".join([*lines, ""])


def row(name: str, cost: Cost, limit: str) -> str:
    """One program's line."""
    return f"| {name} | {cost.cpu:.1f} | {cost.wall:.0f} s | {len(cost.asked)} | {limit} |"


if __name__ == "__main__":
    sys.exit(main())
