"""Every edit that makes a healthy program faulty is found: the right check first, a guilty line named."""

import pytest
from stage import Fault, faults, run

from osler.engine.catalogue import catalogue

FAULTS = faults()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler:UserWarning")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.name)
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


@pytest.mark.parametrize("name", [n for n in catalogue() if n != "monitor-blind"])
def test_each_check_has_its_faults(name: str) -> None:
    programs = {f.program.path for f in FAULTS if f.check == name}
    assert len(programs) >= 2


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f.name.endswith(("missing-clear", "never-cleared"))], ids=lambda f: f.name
)
def test_the_founding_mistake_is_found(fault: Fault) -> None:
    assert run(fault.program, watched=True).headlines[0].check == "gradients-not-cleared"
