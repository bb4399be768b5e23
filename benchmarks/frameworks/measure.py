"""Run the programs of `tests/programs/frameworks` and their faulty edits: what is said, how much is asked.

`python benchmarks/frameworks/measure.py [PART OF A NAME ...]` prints the table of `docs/frameworks.md`. It
needs the extra `frameworks`, and about half an hour on two slow cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "tests" / "programs" / "frameworks"
COMMANDS = ("run", "preflight")


def report(command: str, text: str) -> dict[str, list[dict[str, object]]]:
    """What Osler says about a script."""
    with tempfile.TemporaryDirectory() as folder:
        script, output = Path(folder, "train.py"), Path(folder, "report.json")
        script.write_text(text)
        words = [sys.executable, "-m", "osler", command, "--no-store", "--output", str(output), str(script)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        subprocess.run(words, cwd=folder, env=environment, capture_output=True, timeout=900, check=False)
        return json.loads(output.read_text())


def causes(told: dict[str, list[dict[str, object]]]) -> list[dict[str, object]]:
    """The findings under which others are folded, the first one first."""
    return [told["findings"][group["cause"]] for group in told["diagnoses"]]


def loud(told: dict[str, list[dict[str, object]]]) -> str:
    """The headlines of a healthy program: there should be none."""
    return ", ".join(str(f["check"]) for f in causes(told) if f["severity"] != "hint") or "silent"


def is_found(row: dict[str, object], told: dict[str, list[dict[str, object]]], text: str) -> bool:
    """Whether the first verdict is the right one, at a line that is guilty."""
    hint = row.get("hint", False)
    first = next((f for f in causes(told) if (f["severity"] == "hint") == hint), None)
    if first is None or first["check"] != row["check"]:
        return False
    lines = [text.splitlines()[p["line"] - 1] for p in (first["place"], *first["related"]) if p["line"]]
    return any(piece in line for piece in row["guilty"] for line in lines)


def edited(row: dict[str, object]) -> str:
    """A program with an edit."""
    return (PROGRAMS / row["file"]).read_text().replace(row["replace"], row["with"])


def measure(program: Path, rows: list[dict[str, object]]) -> str:
    """One line of the table."""
    cells = [f"`{program.stem}`"]
    for command in COMMANDS:
        told = report(command, program.read_text())
        asked = [e for e in told.get("experiments", []) if not e["skipped"]]
        count = f", asked {len(asked)} of {len(told['experiments'])}" if command == "preflight" else ""
        cells.append(loud(told) + count)
    for command in COMMANDS:
        own = [r for r in rows if r["file"] == program.name and command in r.get("found", COMMANDS)]
        found = 0
        for row in own:
            text = edited(row)
            found += is_found(row, report(command, text), text)
        cells.append(f"{found} of {len(own)}")
    return f"| {' | '.join(cells)} |"


def main(wanted: list[str]) -> None:
    """Print the table."""
    rows = tomllib.loads((PROGRAMS / "edits.toml").read_text())["fault"]
    print("| program | `run` | `preflight` | faults found by `run` | by `preflight` |\n|---|---|---|---|---|")
    for program in sorted(PROGRAMS.glob("*.py")):
        if not wanted or any(part in program.stem for part in wanted):
            print(measure(program, rows), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
