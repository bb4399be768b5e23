import pytest

from osler.checks.optimizer.plateau_schedule_reversed import check
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


def fact(mode: str, count: int = 10, lows: int = 0, highs: int = 0) -> ScheduleFact:
    return ScheduleFact(
        "ExponentialLR", (place(6),), "ReduceLROnPlateau", "SGD", 0, mode, count, count, lows, highs, 0.5, 2.0
    )


def run(schedule: ScheduleFact, *losses: float) -> Run:
    columns = {"loss": column(*(losses or (4.0, 3.0, 2.0, 1.0)))}
    turns = [[*TRAIN, SCHEDULE]] * 9
    return run_of(turns, schedules=[schedule], optimizers=BUILT, columns=columns)


SILENT = {
    "the loss falls, as expected": run(fact("min", lows=9)),
    "the accuracy rises, as expected": run(fact("max", highs=9)),
    "it overfits after it got better": run(fact("min", lows=2, highs=7)),
    "a plateau": run(fact("min", highs=2)),
    "few calls": run(fact("max", 4, lows=3)),
    "training diverges": run(fact("min", highs=9), 1.0, 2.0, 3.0, 4.0),
    "no metric": run(fact("max", 0)),
    "one better value among many": run(fact("max", 40, highs=1, lows=12)),
    "up and down": run(fact("min", 40, lows=6, highs=6)),
    "the loss stays where it is": run(fact("min", highs=9), 1.0, 1.0, 1.0, 1.0),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(fact("max", lows=9)), [check])
    assert found.message == (
        '`ExponentialLR` expects its metric to rise (`mode="max"`), but over 10 calls it only fell, '
        "from 2 to 0.5, while the training loss went down."
    )
    assert (found.place.line, found.place.subject) == (6, "ExponentialLR")
    assert [(r.place.line, r.label) for r in found.related] == [(15, "the metric is given here")]


def test_an_accuracy_under_min() -> None:
    (found,) = findings(run(fact("min", highs=8)), [check])
    assert "it only rose, from 0.5 to 2" in found.message


def test_applies_where_a_metric_is_given() -> None:
    assert check.applies(run(fact("max", 0))) == "no plateau schedule was given a metric"
