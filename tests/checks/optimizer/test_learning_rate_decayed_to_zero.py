import pytest

from osler.checks.optimizer.learning_rate_decayed_to_zero import check
from osler.model import Column, Kind, OptimizerFact, Run, ScheduleFact
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
SCHEDULE = event(Kind.SCHEDULE, "ExponentialLR", 15)
END = event(Kind.PASS_END, "DataLoader", 10)
TRAIN = [BATCH, BACKWARD, STEP]
BUILT = [OptimizerFact("SGD", (place(5),), 2, 9)]


def column(*values: float) -> Column:
    found = Column()
    for step, value in enumerate(values):
        found.add(step, value)
    return found


def run(*rates: float, ended: bool = True) -> Run:
    schedule = ScheduleFact("ExponentialLR", (place(6),), "LinearLR", "SGD")
    columns = {"learning_rate": column(*rates)}
    turns = [[*TRAIN, SCHEDULE]] * 40
    return run_of(turns, schedules=[schedule], optimizers=BUILT, columns=columns, ended=ended)


SILENT = {
    "never 0": run(*[0.1] * 40),
    "0 with the last step": run(*[0.1] * 39, 0.0),
    "it may come back": run(*[0.1] * 20, *[0.0] * 20, ended=False),
    "it came back": run(*[0.1] * 20, *[0.0] * 19, 0.1),
    "0 all the time": run(*[0.0] * 40),
    "a small part of a long run": run(*[0.1] * 400, *[0.0] * 20),
    "a tiny rate": run(*[0.1] * 20, *[1e-12] * 20),
    "one step": run(0.0),
    "the rate is not known": run(),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(*[0.1] * 20, *[0.0] * 20), [check])
    assert found.message == "The learning rate was 0 from step 20 to the end: 20 of 40 steps changed nothing."
    assert (found.place.line, found.place.step) == (6, 20)
    assert [(r.place.line, r.label) for r in found.related] == [(15, "the schedule steps here")]
