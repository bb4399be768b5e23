import pytest

from osler.checks.gradients.gradients_always_clipped import check, likelihood
from osler.model import Column, Kind, Run
from osler.testing import event, findings, run_of

CLIP = event(Kind.CLIP, "clip_grad_norm_", 14, "fresh")


def run(*ratios: float) -> Run:
    found = Column()
    for step, value in enumerate(ratios):
        found.add(step, value)
    return run_of([[CLIP]] * 9, columns={"clip_ratio": found})


SILENT = {
    "never": run(*[0.5] * 40),
    "now and then": run(*[0.5] * 30, *[3.0] * 10),
    "half of the steps": run(*[0.5, 3.0] * 20),
    "at first": run(*[3.0] * 20, *[0.5] * 20),
    "too few to tell": run(*[3.0] * 8),
    "nothing was measured": run(),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(0.5, *[12.5] * 39), [check])
    assert found.message == (
        "Clipping acted on 39 of 40 steps that were seen; the norm was 12.5 times the limit in the middle."
    )
    assert found.place.line == 14


def test_the_chance_of_a_false_alarm() -> None:
    assert likelihood(10, 10) == pytest.approx(2**-10)
    assert likelihood(4, 0) == 1
    assert likelihood(4000, 4000) < 1e-200


def test_applies_where_a_norm_is_clipped() -> None:
    assert check.applies(run()) == "no norm was clipped"
    assert check.applies(run(1.0)) == ""


ALSO_SILENT = {
    "just at the limit": run(*[1.0] * 40),
    "all but at the limit": run(*[0.999] * 40),
    "every other step, and one more": run(*[0.5, 3.0] * 20, 3.0),
    "a rare outlier of any size": run(*[0.5] * 39, 1e9),
}


@pytest.mark.parametrize("healthy", ALSO_SILENT.values(), ids=ALSO_SILENT.keys())
def test_stays_quiet_at_its_limits(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()
