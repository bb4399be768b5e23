import random
from collections.abc import Sequence

import pytest

from osler.checks.course.loss_diverges import check
from osler.model import Column, Event, Kind, LoaderFact, OptimizerFact, Run, Severity, SignFact
from osler.testing import event, examine, findings, place, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
LOSS = event(Kind.LOSS, "cross_entropy", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TEACHER = event(Kind.FORWARD, "Net", 11, "no-grad")
EVALUATION = event(Kind.FORWARD, "Net", 20, "no-grad")
MEAN = SignFact(BACKWARD.site, ("cross_entropy",), (), 0, (("cross_entropy", 1.0),))
NOISE = [random.Random(3).gauss(0, 0.1) for _ in range(100)]
RISING = [1.4, *[1.5 + 0.1 * i + NOISE[i] for i in range(99)]]


def run(
    values: Sequence[float] = RISING,
    *facts: SignFact,
    turn: Sequence[Event] = (BATCH, LOSS, BACKWARD, STEP),
    begun: int = 3,
    ended: bool = True,
    other: str = "",
) -> Run:
    def filled(numbers: Sequence[float]) -> Column:
        column = Column()
        for step, value in enumerate(numbers):
            column.add(step, value)
        return column

    columns = {"loss": filled(values), "learning_rate": filled([0.5] * len(values))}
    if other:
        columns[other] = filled(values)
    return run_of(
        [turn] * len(values),
        signs=list(facts or (MEAN,)),
        columns=columns,
        ended=ended,
        loaders=[LoaderFact("DataLoader", 320, 10, 32, "random", begun=begun)],
        optimizers=[OptimizerFact("SGD", (place(5),), 2, 9)],
    )


def test_says_what_was_seen() -> None:
    (found,) = findings(run([1.5] * 25 + [2.0] * 50 + [8.0, 9.0] * 12 + [8.5]), [check])
    assert found.message == (
        "The loss rose and stayed up: it began at 1.5, went up to 9, and half of the last 25 are above "
        "8.5; the learning rate was up to 0.5."
    )
    assert (found.place.line, found.severity) == (13, Severity.ERROR)
    assert [(r.place.line, r.label) for r in found.related] == [(5, "`SGD` is built here")]


def test_finds_a_slow_rise() -> None:
    assert len(findings(run(), [check])) == 1


def test_finds_a_jump_that_does_not_come_back() -> None:
    wild = [1.5, 22.2, 208.0, *[3.1 + 40 * abs(n) for n in NOISE[3:]]]
    assert len(findings(run(wild), [check])) == 1


def test_an_evaluation_beside_it_changes_nothing() -> None:
    assert len(findings(run(turn=(BATCH, LOSS, BACKWARD, STEP, EVALUATION)), [check])) == 1


FALLING = [3 / (1 + 0.1 * i) + NOISE[i] for i in range(100)]
SPIKE = FALLING[:50] + [40.0] * 20 + FALLING[70:]

SILENT = {
    "a loss that falls": run(FALLING),
    "noise": run([2 + n for n in NOISE]),
    "a spike that is recovered from": run(SPIKE),
    "a jump that comes back to below the start": run([1.4, *[40.0] * 60, *[1.3 + n / 9 for n in NOISE[61:]]]),
    "odd batches": run([1.4, *([1.5] * 9 + [4.0]) * 9, *[1.5] * 9]),
    "a jump to less than twice the start": run([1.4, *[2.7 + n for n in NOISE[1:]]]),
    "a spike at the start": run([40.0, 30.0, 9.0, *RISING[3:]]),
    "it falls, then rises to where it began": run([abs(50 - i) / 25 + 1 for i in range(100)]),
    "few values": run(RISING[:60]),
    "it goes on": run(ended=False),
    "one pass": run(begun=1),
    "without a loader": run(turn=(LOSS, BACKWARD, STEP)),
    "targets come from a model": run(turn=(BATCH, TEACHER, LOSS, BACKWARD, STEP)),
    "several losses": run(other="loss:gan.py:61"),
    "two lines go backward": run(RISING, MEAN, SignFact(LOSS.site, ("mse_loss",), ())),
    "a scaler": run(turn=(BATCH, LOSS, BACKWARD, event(Kind.SCALER_STEP, "SGD", 14), STEP)),
    "scaled by hand": run(RISING, SignFact(BACKWARD.site, ("mse_loss",), (), 0, (("mse_loss", 1024.0),))),
    "no mean": run(RISING, SignFact(BACKWARD.site, ("mse_loss",), ())),
    "not finite: that is another problem": run([*RISING[:99], float("inf")]),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_a_learning_rate_without_a_step_too_far() -> None:
    code = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
for epoch in range(10):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
    assert check.name not in {f.check for f in examine(code).findings}
