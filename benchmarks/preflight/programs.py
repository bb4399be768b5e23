"""`osler preflight` on every healthy program: what it asks and refuses, and whether turns replay bit for bit.

    python benchmarks/preflight/programs.py [--programs NAME ...] [--budget TIME]

The programs are those of `tests/programs`, each in a folder and a process of its own with one thread, as a
user would call it: `python -m osler preflight --no-store --output x.json train.py`, with time for all that
applies (`--budget 5m`). Written to `results/programs.md` and `results/programs.json`; programs that are left
out keep what an earlier run wrote.

Exact is a program whose first turns, made twice, give the same losses and the same parameters bit for bit
(`replay-exactly`); of one that is not, the answer tells what differs first. The exit code is 1 if a healthy
program has a headline, if an inexact program is not explained, if a refusal gives no reason or is a fault of
Osler's own, or if fewer than nine in ten programs are asked five experiments.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RESULTS = HERE / "results"
sys.path[:0] = [str(ROOT / "tests" / "accuracy")]

from stage import Program, healthy, name_of  # noqa: E402

ENOUGH = 5
"""Experiments that a program should be asked at least."""

SHARE = 0.9
"""Programs that are asked enough, at least."""

FAULT = "a fault of Osler"
"""What the reason for a refusal says that is none of the program's."""

LIMIT = 1200
"""Seconds that one program may take."""

Told = dict[str, Any]


def main() -> int:
    """Ask, write, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--programs", nargs="+", help="names of healthy programs; all if not given")
    parser.add_argument("--budget", default="5m", help="for the experiments of each")
    options = parser.parse_args()
    store = RESULTS / "programs.json"
    known: dict[str, Told] = json.loads(store.read_text())["programs"] if store.exists() else {}
    every = {name_of(p): p for p in healthy()}
    told = {name: known[name] for name in every if name in known}
    for name in options.programs or every:
        told[name] = asked(every[name], options.budget)
        print(f"{name:24} {told[name]['seconds']:5.0f} s  {in_short(told[name])}", flush=True)
        write({n: told[n] for n in sorted(told)})
    wrong = problems(told)
    print("\n".join(wrong))
    return int(bool(wrong))


def asked(program: Program, budget: str) -> Told:
    """What a pre-flight says of one program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as out:
        script, report = program.copy_to(Path(folder)), Path(out) / "report.json"
        options = ["--no-store", "--budget", budget, "--output", str(report)]
        command = [sys.executable, "-m", "osler", "preflight", *options, str(script)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
        start = time.perf_counter()
        ran = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        wall = time.perf_counter() - start
        if not report.exists():
            raise SystemExit(f"no report of {name_of(program)}:\n{ran.stderr}")
        said = json.loads(report.read_text())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    causes = [said["findings"][d["cause"]] for d in said["diagnoses"]]
    answers = {e["name"]: e for e in said["experiments"]}
    return {
        "seconds": used,
        "wall": wall,
        "code": ran.returncode,
        "headlines": [f["check"] for f in causes if f["severity"] != "hint"],
        "hints": [f["check"] for f in causes if f["severity"] == "hint"],
        "blind": said["coverage"]["blind"],
        "exact": exactness(answers.get("replay-exactly")),
        "asked": {n: e["answer"] for n, e in answers.items() if not e["skipped"]},
        "refused": {n: e["skipped"] for n, e in answers.items() if e["skipped"]},
    }


def exactness(answer: Told | None) -> Told:
    """What the replay of the first turns has shown."""
    if answer is None:
        return {"asked": False, "why": "nothing was asked: it has no loop that can be steered"}
    if answer["skipped"]:
        return {"asked": False, "why": answer["skipped"]}
    said, _, why = answer["answer"].partition(": ")
    return {"asked": True, "said": said, "why": why, **answer["values"]}


def is_exact(told: Told) -> bool:
    """Whether turns replay bit for bit."""
    return bool(told["exact"]["asked"]) and told["exact"]["said"].startswith("yes")


def in_short(told: Told) -> str:
    """One line for the terminal."""
    exact = told["exact"].get("said") or told["exact"]["why"]
    return f"{len(told['asked'])} asked, {len(told['refused'])} refused; replay: {exact}; {told['headlines']}"


def problems(told: dict[str, Told]) -> list[str]:
    """What must not be."""
    wrong = [f"{n}: {', '.join(t['headlines'])}" for n, t in told.items() if t["headlines"]]
    for name, one in told.items():
        if one["exact"]["asked"] and not is_exact(one) and not one["exact"]["why"]:
            wrong.append(f"{name}: {one['exact']['said']}, and nobody says why")
        faults = [f"{name}: {e}: {why}" for e, why in one["refused"].items() if not why or FAULT in why]
        wrong += faults
    enough = sum(len(t["asked"]) >= ENOUGH for t in told.values())
    if enough < SHARE * len(told):
        wrong.append(f"only {enough} of {len(told)} programs are asked {ENOUGH} experiments")
    return wrong


def write(told: dict[str, Told]) -> None:
    """The answers and the page."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "torch": version("torch")}
    kept = {"machine": machine, "programs": told}
    (RESULTS / "programs.json").write_text(json.dumps(kept, indent=1) + "\n")
    (RESULTS / "programs.md").write_text(page(told))


def page(told: dict[str, Told]) -> str:
    """All answers as tables."""
    exact = sum(map(is_exact, told.values()))
    enough = sum(len(t["asked"]) >= ENOUGH for t in told.values())
    silent = sum(not t["headlines"] for t in told.values())
    lines = [
        "# Pre-flight on healthy programs",
        "",
        "Written by `python benchmarks/preflight/programs.py`, which says what is asked of which programs.",
        f"Of {len(told)} programs {silent} are silent, {enough} are asked {ENOUGH} experiments or more, and "
        f"the turns of {exact} replay bit for bit. Seconds are of CPU time, with the import of torch.",
        "",
        "| program | replay | why not exact | asked | refused | headlines | seconds |",
        "|---|---|---|---:|---:|---|---:|",
        *(row(name, one) for name, one in told.items()),
        "",
        "## Refusals",
        "Every experiment that was not made, with its reason, and the programs for which it was given.",
        "",
        "| experiment | reason | programs |",
        "|---|---|---|",
        *refusals(told),
        "",
    ]
    return "\n".join(lines)


def row(name: str, told: Told) -> str:
    """One program's line."""
    exact = told["exact"]
    said = exact["said"] if exact["asked"] else "not asked"
    heads = ", ".join(told["headlines"]) or "none"
    counts = f"{len(told['asked'])} | {len(told['refused'])}"
    return f"| {name} | {said} | {exact.get('why', '')} | {counts} | {heads} | {told['seconds']:.0f} |"


def refusals(told: dict[str, Told]) -> list[str]:
    """One line for each experiment and reason."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, one in told.items():
        for experiment, why in one["refused"].items():
            found[experiment, why.replace("|", "\\|")].append(name)
    return [f"| {e} | {why} | {', '.join(names)} |" for (e, why), names in sorted(found.items())]


if __name__ == "__main__":
    sys.exit(main())
