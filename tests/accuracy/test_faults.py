"""Every edit that makes a healthy program faulty is found: the right check first, a guilty line named."""

import pytest
from stage import Fault, faults, healthy, learned, run

from osler.engine.catalogue import catalogue
from osler.model import Check, Severity

MOST = 1
"""Faults of one check that CI looks for: those in the quickest programs; the others are exhaustive."""


def by_cost() -> list[Fault]:
    """Every fault, those in quick programs first."""
    seconds = {program.path: learned(program).seconds for program in healthy()}
    return sorted(faults(), key=lambda fault: seconds[fault.program.path])


FAULTS = by_cost()

QUICK = 3
"""Seconds of a program in which CI looks for the founding mistake."""


def marked(place: int, fault: Fault) -> object:
    """The fault as a parameter: the founding mistake first where it is quick, then CI, then many."""
    cheaper = sum(f.check == fault.check for f in FAULTS[:place])
    is_quick = learned(fault.program).seconds <= QUICK
    is_founding = is_quick and fault.name.endswith(("missing-clear", "never-cleared"))
    marks = () if is_founding else pytest.mark.slow if cheaper < MOST else pytest.mark.exhaustive
    return pytest.param(fault, marks=marks, id=fault.name)


@pytest.mark.filterwarnings("ignore::UserWarning")  # torch sees some of them too, but the script goes on
@pytest.mark.parametrize("fault", [marked(*each) for each in enumerate(FAULTS)])
def test_is_found(fault: Fault) -> None:
    outcome = run(fault.program, watched=True)
    assert outcome.failures == ()
    assert outcome.as_stored == ()
    assert bool(outcome.crash) == fault.crashes
    findings = outcome.hints if fault.hint else outcome.headlines
    assert findings, "nothing was found"
    first = findings[0]
    assert first.check == fault.check, first.message
    assert any(piece in text for _, _, text in first.lines for piece in fault.guilty), first.lines


SEEN_IN_RUNS = [c for c in catalogue().values() if c.run_detector and c.name != "monitor-blind"]


@pytest.mark.parametrize("check", SEEN_IN_RUNS, ids=lambda check: check.name)
def test_each_check_has_its_faults(check: Check) -> None:
    programs = {f.program.path for f in FAULTS if f.check == check.name}
    assert len(programs) >= (1 if check.severity is Severity.HINT else 2)
