import pytest

from osler.checks.optimizer.schedule_stepped_per_batch import check
from osler.model import Column, Event, Kind, OptimizerFact, Run, ScheduleFact, UpdateFact
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


def fact(kind: str = "ExponentialLR", horizon: int = 0, last: int = 0) -> ScheduleFact:
    return ScheduleFact("ExponentialLR", (place(6),), kind, "SGD", horizon, calls=30, last=last)


def run(schedule: ScheduleFact, turn: list[Event], rates: list[float], passes: int = 3) -> Run:
    turns = [*[turn] * 10, [END]] * passes
    columns = {"learning_rate": column(*rates)}
    return run_of(turns, schedules=[schedule], optimizers=BUILT, columns=columns)


EACH = [*TRAIN, SCHEDULE]
GIVEN = [*TRAIN, event(Kind.SCHEDULE, "ExponentialLR", 15, "argument")]
FAST = [0.5**n for n in range(30)]
SLOW = [0.9**n for n in range(30)]
DROPS = [1.0, 1.0, 0.1, *[0.02] * 27]
SILENT = {
    "milestones in batches": run(fact("MultiStepLR", last=8), EACH, DROPS, passes=3),
    "milestones behind the first pass": run(fact("MultiStepLR", last=11), EACH, DROPS, passes=12),
    "milestones that are not reached yet": run(fact("MultiStepLR", last=3), EACH, DROPS, passes=2),
    "milestones of a warm-up": run(fact("MultiStepLR", last=3), EACH, [0.1, 0.1, *[1.0] * 28], passes=3),
    "milestones in epochs": run(fact("MultiStepLR", last=3), TRAIN, DROPS, passes=3),
    "a slow decay": run(fact(), EACH, SLOW),
    "once an epoch": run(fact(), TRAIN, FAST),
    "a kind that counts steps": run(fact("OneCycleLR", 30), EACH, FAST),
    "a cosine over all steps": run(fact("CosineAnnealingLR", 30), EACH, SLOW),
    "only one pass": run(fact(), EACH, FAST, passes=1),
    "it is given the epoch": run(fact(), GIVEN, FAST),
    "the rates are not known": run(fact(), EACH, []),
    "a rate that stays": run(fact(), EACH, [0.1] * 30),
    "a warm-up": run(fact("LinearLR", 30), EACH, [n / 30 for n in range(1, 31)]),
    "a cycle over many passes": run(fact("CosineAnnealingLR", 300), EACH, SLOW),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(fact(), EACH, FAST), [check])
    assert found.message == (
        "`ExponentialLR` counts epochs, but stepped together with the optimizer, 30 times. "
        "It left 0.00098 of the first learning rate after one pass over the data."
    )
    assert (found.place.line, found.place.subject) == (15, "ExponentialLR")
    assert [(r.place.line, r.label) for r in found.related] == [(6, "`ExponentialLR` is built here")]


def test_milestones_that_count_passes() -> None:
    (found,) = findings(run(fact("MultiStepLR", last=3), EACH, DROPS, passes=3), [check])
    assert found.message.endswith("It passed its last milestone, 3, in the first of 3 passes over the data.")


def test_a_cosine_that_swings_within_a_pass() -> None:
    (found,) = findings(run(fact("CosineAnnealingLR", 5), EACH, SLOW), [check])
    assert found.message.endswith("It came to the end of its 5 steps 6 times.")


def test_applies_where_there_is_a_schedule() -> None:
    assert check.applies(run_of([TRAIN], updates=[UpdateFact("SGD")])) == "no schedule was built"
