import pytest

from osler.checks.optimizer.schedule_stepped_too_rarely import check
from osler.model import CrashFact, Event, Kind, OptimizerFact, Run, ScheduleFact
from osler.testing import assert_silent, event, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
SCHEDULE = event(Kind.SCHEDULE, "ExponentialLR", 15)
END = event(Kind.PASS_END, "DataLoader", 10)
TRAIN = [BATCH, BACKWARD, STEP]
BUILT = [OptimizerFact("SGD", (place(5),), 2, 9)]


def fact(
    calls: int, horizon: int = 30, kind: str = "OneCycleLR", name: str = "ExponentialLR"
) -> ScheduleFact:
    return ScheduleFact(name, (place(6),), kind, "SGD", horizon, calls=calls)


def run(*schedules: ScheduleFact, passes: int = 3, **more: object) -> Run:
    turns: list[list[Event]] = [*[TRAIN] * 10, [END, SCHEDULE]] * passes
    return run_of(turns, schedules=list(schedules), optimizers=BUILT, **({"ended": True} | more))


SILENT = {
    "as often as planned": run(fact(30)),
    "a horizon in epochs": run(fact(3, 3)),
    "a decay in epochs": run(fact(3, 30, "StepLR")),
    "the run ended early": run(fact(3, 90)),
    "it goes on": run(fact(3), ended=False),
    "it was stopped": run(fact(3), cut=True),
    "it crashed": run(fact(3), crash=CrashFact("RuntimeError", "", ())),
    "part of another": run(fact(0), fact(30, 0, "SequentialLR", "SequentialLR")),
    "never, in the first pass": run(fact(0), passes=1),
    "no horizon": run(fact(3, 0, "LambdaLR")),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert_silent(healthy, [check])


def test_says_what_was_seen() -> None:
    (found,) = findings(run(fact(3)), [check])
    assert found.message == "`ExponentialLR` was planned for 30 steps and took 3, while `SGD` took 30."
    assert (found.place.line, found.place.subject) == (15, "ExponentialLR")
    assert [(r.place.line, r.label) for r in found.related] == [(6, "`ExponentialLR` is built here")]


@pytest.mark.parametrize("cut", [False, True], ids=["to its end", "stopped"])
def test_never_stepped(cut: bool) -> None:
    (found,) = findings(run(fact(0), cut=cut), [check])
    assert found.message == "`ExponentialLR` was built and never stepped, while `SGD` took 30 steps."
    assert (found.place.line, found.fix) == (
        6,
        "Call `scheduler.step()` in the loop, or remove the schedule.",
    )
