import pytest

from osler.checks.optimizer.learning_rate_zero_at_start import check
from osler.model import Column, Kind, OptimizerFact, Run, ScheduleFact, UpdateFact
from osler.testing import event, findings, place, run_of

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


def run(absent: int, *rates: float) -> Run:
    schedule = ScheduleFact("ExponentialLR", (place(6),), "LambdaLR", "SGD")
    columns = {"learning_rate": column(*rates)} if rates else {}
    updates = [UpdateFact("SGD", 4, absent)]
    turns = [[*TRAIN, SCHEDULE]] * 9
    return run_of(turns, schedules=[schedule], optimizers=BUILT, columns=columns, updates=updates)


SILENT = {
    "a small rate": run(0, 0.01, 0.1, 0.1),
    "another group was trained": run(0, 0.0, 0.1, 0.1),
    "it comes to 0 at the end": run(1, 0.1, 0.1, 0.0),
    "it stays at 0": run(4, 0.0, 0.0, 0.0),
    "not known": run(1),
    "0 in between": run(1, 0.1, 0.0, 0.1),
    "a tiny rate": run(0, 1e-12, 0.1, 0.1),
    "nothing was compared": run_of([TRAIN] * 9, columns={"learning_rate": column(0.0, 0.1)}),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run(1, 0.0, 0.1, 0.2), [check])
    assert found.message == "`SGD` took 1 step with a learning rate of 0 at the start."
    assert (found.place.line, found.place.step, found.place.subject) == (6, 0, "SGD")


def test_applies_where_the_rate_is_seen() -> None:
    assert check.applies(run(1)) == "no learning rate was seen"
