"""Which check met which healthy program: applicable, evaluated to the end, and silent.

    python benchmarks/accuracy/look_alikes.py [PROGRAM ...]

Silence proves nothing about a check that was never applicable. Some are applicable only where they saw the
very sign of their fault: of these it is told where the source does what looks like it, and the run saw none.
Each program, or each of those that are named, runs once with every check enabled; the table goes to
`results/look_alikes.md`, the same as data to `results/look_alikes.json`. Programs that are not named keep
what an earlier run wrote.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results"
STORE = RESULTS / "look_alikes.json"
sys.path.insert(0, str(HERE.parents[1] / "tests" / "accuracy"))

from stage import faults, healthy, name_of, run  # noqa: E402

from osler.engine.catalogue import catalogue  # noqa: E402

SILENT, HINT, ALARM = "·", "h", "!"

ALIKE = "l"

IDIOMS = {
    "batch-norm-functional-misused": r"F\.batch_norm\(",
    "batch-norm-statistics-stale": r"BatchNorm\dd(?s:.*)\.eval\(\)",
    "best-weights-aliased": r"deepcopy\([^)]*state_dict\(\)(?s:.*)load_state_dict\(best",
    "graph-freed": r"retain_graph=True|autograd\.grad\(",
    "in-place-breaks-gradient": r"inplace=True|\b(mul|add|clamp|copy|lerp|relu)_\(",
    "learning-rate-overwritten-by-load": r"optimi[sz]er\.load_state_dict\(",
    "module-init-missing": r"super\(\)\.__init__\(\)",
    "parameter-outside-clamp": r"self\.\w+\.clamp\(",
    "pretrained-weights-not-loaded": r"strict=False",
    "random-numbers-repeat": r"def \w+\([^)]*\):\n(    .*\n)*?.*manual_seed\(",
    "resume-incomplete": r"torch\.load\(",
    "target-network-aliased": r"target\w*\.load_state_dict\(",
}
"""What looks like the fault, for checks that are applicable only where they see the fault itself."""

Row = dict[str, str]


def main(names: list[str]) -> None:
    """Run healthy programs and write the table."""
    checks = sorted(c.name for c in catalogue().values() if c.run_detector)
    for program in healthy():
        name = name_of(program)
        if names and name not in names:
            continue
        outcome = run(program, watched=True)
        assert not outcome.crash, f"{name}: {outcome.crash}"
        hints, alarms = {s.check for s in outcome.hints}, {s.check for s in outcome.headlines}
        row = {
            c: ALARM if c in alarms else HINT if c in hints else SILENT
            for c in outcome.checked
            if c in checks
        }
        keep(name, outcome.steps, row)
        print(f"{name}: {outcome.steps} steps, {len(row)} checks, alarms: {sorted(alarms)}", flush=True)
    told = stored()
    for program in healthy():
        row = told["programs"].get(name_of(program), {})
        folder = [program.path] if program.path.name != "train.py" else program.path.parent.glob("*.py")
        text = "\n".join(path.read_text() for path in folder)
        row |= {
            check: ALIKE for check, idiom in IDIOMS.items() if check not in row and re.search(idiom, text)
        }
    (RESULTS / "look_alikes.md").write_text(markdown(checks, told["programs"], told["steps"]))


def stored() -> dict[str, dict[str, Any]]:
    """What is known so far, of the programs that there are."""
    told = json.loads(STORE.read_text()) if STORE.exists() else {"steps": {}, "programs": {}}
    names = [name_of(program) for program in healthy()]
    return {part: {name: told[part][name] for name in names if name in told[part]} for part in told}


def keep(name: str, steps: int, row: Row) -> None:
    """Write down one program."""
    RESULTS.mkdir(exist_ok=True)
    told = stored()
    told["steps"][name], told["programs"][name] = steps, row
    new = STORE.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    new.replace(STORE)  # another process may do the other half


def markdown(checks: list[str], programs: dict[str, Row], steps: dict[str, int]) -> str:
    """The table with a column for each program, numbered so that it stays narrow."""
    found = Counter(fault.check for fault in faults())
    cells = Counter(cell for row in programs.values() for cell in row.values())
    lines = [
        "# Checks and the healthy programs they met",
        "",
        "Written by `python benchmarks/accuracy/look_alikes.py`. "
        f"{len(programs)} programs, {sum(steps.values()):,} steps, {len(checks)} checks of a run. "
        f"`{SILENT}` applicable and silent ({cells[SILENT]}), `{HINT}` a hint ({cells[HINT]}), "
        f"`{ALARM}` a headline ({cells[ALARM]}), `{ALIKE}` the source does what looks like it, and the "
        f"run saw no sign of it ({cells[ALIKE]}), empty: nothing to judge. Met: programs that are not empty. "
        "Faults: edits of `tests/programs/faults` it must find.",
        "",
        f"| check | met | faults | {' | '.join(str(i + 1) for i in range(len(programs)))} |",
        f"|---|---:|---:|{':-:|' * len(programs)}",
    ]
    for check in checks:
        marks = [row.get(check, "") for row in programs.values()]
        lines.append(f"| {check} | {sum(map(bool, marks))} | {found[check]} | {' | '.join(marks)} |")
    lines += ["", ", ".join(f"{i} {name}" for i, name in enumerate(programs, 1)), ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
