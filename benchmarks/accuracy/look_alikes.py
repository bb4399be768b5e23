"""Which check met which healthy program: applicable, evaluated to the end, and silent.

    python benchmarks/accuracy/look_alikes.py

Silence proves nothing about a check that was never applicable. Each program runs once with every check
enabled; the table goes to `results/look_alikes.md`, the same as numbers to `results/look_alikes.json`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"
sys.path.insert(0, str(HERE.parents[1] / "tests" / "accuracy"))

from stage import faults, healthy, name_of, run  # noqa: E402

from osler.engine.catalogue import catalogue  # noqa: E402

SILENT, HINT, ALARM = "·", "h", "!"

Table = dict[str, dict[str, str]]


def main() -> None:
    """Run every healthy program and write the table."""
    table: Table = {check.name: {} for check in catalogue().values() if check.run_detector}
    steps: dict[str, int] = {}
    for program in healthy():
        name = name_of(program)
        outcome = run(program, watched=True)
        assert not outcome.crash, f"{name}: {outcome.crash}"
        hints, alarms = {s.check for s in outcome.hints}, {s.check for s in outcome.headlines}
        for check in outcome.checked:
            if check in table:
                table[check][name] = ALARM if check in alarms else HINT if check in hints else SILENT
        steps[name] = outcome.steps
        print(f"{name}: {outcome.steps} steps, {len(outcome.checked)} checks, alarms: {sorted(alarms)}")
    RESULTS.mkdir(exist_ok=True)
    found = {check: sum(f.check == check for f in faults()) for check in table}
    told = {"steps": steps, "faults": found, "checks": table}
    (RESULTS / "look_alikes.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / "look_alikes.md").write_text(markdown(table, steps, found))


def markdown(table: Table, steps: dict[str, int], found: dict[str, int]) -> str:
    """The table with a column for each program, numbered so that it stays narrow."""
    numbers = {name: str(i) for i, name in enumerate(steps, 1)}
    cells = [cell for row in table.values() for cell in row.values()]
    lines = [
        "# Checks and the healthy programs they met",
        "",
        "Written by `python benchmarks/accuracy/look_alikes.py`. "
        f"{len(steps)} programs, {sum(steps.values()):,} steps, {len(table)} checks of a running program. "
        f"`{SILENT}` applicable and silent ({cells.count(SILENT)}), `{HINT}` a hint ({cells.count(HINT)}), "
        f"`{ALARM}` a headline ({cells.count(ALARM)}), empty: not applicable. "
        "Met: programs in which it was applicable. Faults: edits of `tests/programs/faults` it must find.",
        "",
        f"| check | met | faults | {' | '.join(numbers.values())} |",
        f"|---|---:|---:|{':-:|' * len(numbers)}",
    ]
    for check, row in sorted(table.items()):
        marks = " | ".join(row.get(name, "") for name in steps)
        lines.append(f"| {check} | {len(row)} | {found[check]} | {marks} |")
    lines += ["", ", ".join(f"{number} {name}" for name, number in numbers.items()), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
