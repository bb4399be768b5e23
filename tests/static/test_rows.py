"""Programs that are only read: faults that must be named at their line, near-misses that must stay silent.

A file of `tests/programs/reading` belongs to the check of its name. Each program follows a line
``# fault: what it is`` or ``# near: what it is``, after the prelude of the catalogue; `# <-` marks the line.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from osler.engine.catalogue import catalogue
from osler.model import Severity
from osler.testing import PRELUDE, read

FOLDER = Path(__file__).parents[1] / "programs" / "reading"
FAULTS, NEAR = 2, 3
"""Programs of each kind that a row needs before it counts as built."""


@dataclass(frozen=True)
class Program:
    check: str
    kind: str
    title: str
    code: str

    @property
    def guilty(self) -> set[int]:
        first = len(f"{PRELUDE}\n\n".splitlines())
        lines = self.code.splitlines()
        return {first + n for n, line in enumerate(lines, start=1) if line.rstrip().endswith("# <-")}


def programs() -> list[Program]:
    found: list[Program] = []
    for file in sorted(FOLDER.glob("*.py")):
        parts = re.split(r"^# (fault|near): (.*)\n", file.read_text("utf-8"), flags=re.MULTILINE)[1:]
        for kind, title, code in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            found.append(Program(file.stem, kind, title, code))
    return found


PROGRAMS = programs()


@pytest.mark.parametrize(
    "program", [p for p in PROGRAMS if p.kind == "fault"], ids=lambda p: f"{p.check}: {p.title}"
)
def test_fault_is_named_at_its_line(program: Program) -> None:
    diagnosis = read(program.code)
    found = [f for f in diagnosis.findings if f.check == program.check]
    assert {f.place.line for f in found} == program.guilty
    assert {f.check for f in diagnosis.headlines} <= {program.check}
    assert all(f.seen_by == ("code",) for f in found)


@pytest.mark.parametrize(
    "program", [p for p in PROGRAMS if p.kind == "near"], ids=lambda p: f"{p.check}: {p.title}"
)
def test_near_miss_stays_silent(program: Program) -> None:
    diagnosis = read(program.code)
    assert [f.message for f in diagnosis.findings if f.severity > Severity.HINT] == []
    assert program.check not in {f.check for f in diagnosis.findings}


@pytest.mark.parametrize("name", [c.name for c in catalogue().values() if c.code_detector])
def test_row_is_proven(name: str) -> None:
    faults = [p for p in PROGRAMS if p.check == name and p.kind == "fault"]
    near = [p for p in PROGRAMS if p.check == name and p.kind == "near"]
    assert len(faults) >= FAULTS
    assert any(re.search(r"^class ", p.code, re.MULTILINE) for p in faults), (
        "no fault is written with classes"
    )
    assert len(near) >= NEAR
