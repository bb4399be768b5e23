"""Osler and five rivals on every fault and every healthy program of `tests/programs`.

    python benchmarks/accuracy/rivals/compare.py [--only TOOL ...] [--programs NAME ...]

The rivals are installed into a folder of their own (`--into`), without torch: they run on that of this
Python. The table goes to `benchmarks/accuracy/results/rivals.md`, what each tool said to `rivals.json`; tools
and programs that are left out keep what an earlier run wrote.

A fault is *named* if a warning or error of a tool explains it (`codes.py`) and is not said of the healthy
program too, *noticed* if the tool says anything new about it, else missed. `n`: there was nothing that could
be handed to the tool. What is said of a healthy program is an alarm. Of `osler run` only the first headline
counts.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
sys.path[:0] = [str(HERE), str(HERE.parents[2] / "tests" / "accuracy")]

from codes import explains  # noqa: E402
from stage import Fault, Program, faults, healthy, name_of, run  # noqa: E402

PINS = [
    "torchtest2==0.1.0",
    "torch-preflight==0.5.0",
    "pulseml==1.3.14",
    "guardtower==0.1.0",
    "torch-audit==0.3.0",
]
NEEDED = ["libcst>=1.8,<2", "click>=8,<9", "pyyaml>=6,<7"]
"""What they import besides torch, numpy and rich."""

READERS = ["torch-preflight", "pulseml"]
EXAMINERS = ["torchtest2", "guardtower", "torch-audit"]
TOOLS = ["osler run", "osler lint", *READERS, *EXAMINERS]
Rows = list[dict[str, Any]] | None
Said = dict[str, dict[str, Rows]]


def main() -> None:
    """Install, ask, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--into", type=Path, default=HERE.parents[2] / ".venv" / "rivals")
    parser.add_argument("--only", nargs="+", choices=TOOLS, default=TOOLS)
    parser.add_argument("--programs", nargs="+", help="names of healthy programs; their faults are taken too")
    options = parser.parse_args()
    install(options.into)
    edited = [f for f in faults() if not options.programs or base_of(f) in options.programs]
    clean = [p for p in healthy() if not options.programs or name_of(p) in options.programs]
    programs = {name_of(p): p for p in clean} | {f.name: f.program for f in edited}
    store = RESULTS / "rivals.json"
    said: Said = json.loads(store.read_text())["said"] if store.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        lay_out(programs, Path(folder))
        for tool in options.only:
            for name, rows in ask(tool, programs, Path(folder), options.into):
                said.setdefault(tool, {})[name] = rows
                print(tool, name, "n" if rows is None else [row["code"] for row in rows], flush=True)
                write(said)


def install(folder: Path) -> None:
    """The rivals and what they need, without torch."""
    if all(
        (folder / name).is_dir() for name in ("torchtest2", "guardtower", "torch_audit", "pulse", "libcst")
    ):
        return
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*command, "--target", str(folder), *PINS, *NEEDED], check=True)


def lay_out(programs: dict[str, Program], folder: Path) -> None:
    """Each program in a folder of its own name."""
    for name, program in programs.items():
        (folder / name).mkdir()
        program.copy_to(folder / name)


def ask(tool: str, programs: dict[str, Program], folder: Path, rivals: Path) -> Iterator[tuple[str, Rows]]:
    """What a tool says about each program: names with rows, None where it cannot be asked."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(rivals), os.environ.get("PYTHONPATH", "")]),
    }
    if tool in READERS:
        command = [sys.executable, str(HERE / "reading.py"), tool, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        told = json.loads(done.stdout.splitlines()[-1])
        yield from ((name, told.get(name, [])) for name in programs)
    elif tool in EXAMINERS:
        scripts = [str(folder / name / program.path.name) for name, program in programs.items()]
        command = [sys.executable, str(HERE / "examining.py"), tool, *scripts]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as asked:
            yield from zip(programs, map(json.loads, asked.stdout or ()), strict=False)
    else:
        for name, program in programs.items():
            yield name, watched(program) if tool == "osler run" else lint(folder / name)


def watched(program: Program) -> Rows:
    """The headlines of `osler run`."""
    return [{"code": s.check, "message": s.message} for s in run(program, watched=True).headlines]


def lint(folder: Path) -> Rows:
    """The errors and warnings of `osler lint`."""
    command = [sys.executable, "-m", "osler", "lint", str(folder), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = [f for f in json.loads(done.stdout)["findings"] if f["severity"] != "hint"]
    return [{"code": f["check"], "message": f["message"]} for f in found]


def base_of(fault: Fault) -> str:
    """The healthy program that a fault is an edit of."""
    return name_of(Program(fault.program.path))


def judged(tool: str, fault: Fault, said: Said) -> str:
    """named, noticed, missed, n (could not be asked) or empty (was not asked)."""
    answers = said.get(tool, {})
    if fault.name not in answers:
        return ""
    rows, before = answers[fault.name], answers.get(base_of(fault))
    if rows is None:
        return "n"
    known = {row["code"] for row in before or []}
    if tool == "pulseml":
        known = {row["message"] for row in before or []}
        new = [row for row in rows if row["message"] not in known]
    else:
        new = [row for row in rows if row["code"] not in known]
    if tool.startswith("osler"):
        right = bool(rows) and fault.check in [
            row["code"] for row in rows[: 1 if tool == "osler run" else None]
        ]
    else:
        right = any(explains(tool, row["code"], row["message"], fault.check) for row in new)
    return "named" if right else "noticed" if new else "missed"


def write(said: Said) -> None:
    """The answers as JSON, the judgement as Markdown."""
    RESULTS.mkdir(exist_ok=True)
    edited = [f for f in faults() if not f.hint and any(f.name in rows for rows in said.values())]
    verdicts = {f.name: {tool: judged(tool, f, said) for tool in TOOLS} for f in edited}
    told = {"pins": PINS, "verdicts": verdicts, "said": said}
    (RESULTS / "rivals.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "rivals.md").write_text(markdown(said, edited, verdicts))


def markdown(said: Said, edited: list[Fault], verdicts: dict[str, dict[str, str]]) -> str:
    """The table of tools, then that of checks."""
    clean = [name_of(p) for p in healthy()]
    lines = [
        "# Osler and five rivals",
        "",
        "Written by `python benchmarks/accuracy/rivals/compare.py`, which says how answers are judged. "
        "Faults only worth a hint are left out. They were written for Osler's own tests; its column "
        "shows what it is built for, the others show what is left open elsewhere.",
        "",
        "| tool | faults asked | named | noticed | missed | healthy asked | with an alarm | alarms |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for tool in TOOLS:
        counts = Counter(row[tool] for row in verdicts.values())
        answers = [rows for name in clean if (rows := said.get(tool, {}).get(name)) is not None]
        asked = counts["named"] + counts["noticed"] + counts["missed"]
        lines.append(
            f"| {tool} | {asked} | {counts['named']} | {counts['noticed']} | {counts['missed']} "
            f"| {len(answers)} | {sum(map(bool, answers))} | {sum(map(len, answers))} |"
        )
    lines += ["", f"| check | faults | {' | '.join(TOOLS)} |", f"|---|---:|{'---:|' * len(TOOLS)}"]
    for check in sorted({f.check for f in edited}):
        own = [verdicts[f.name] for f in edited if f.check == check]
        cells = " | ".join(cell(Counter(row[tool] for row in own)) for tool in TOOLS)
        lines.append(f"| {check} | {len(own)} | {cells} |")
    return "\n".join([*lines, "", "A cell: named, and in brackets noticed with another cause.", ""])


def cell(counts: Counter[str]) -> str:
    """Named faults, and those noticed otherwise; n if none could be asked."""
    if not counts["named"] + counts["noticed"] + counts["missed"]:
        return "n" if counts["n"] else ""
    return f"{counts['named']}" + (f" ({counts['noticed']})" if counts["noticed"] else "")


if __name__ == "__main__":
    main()
