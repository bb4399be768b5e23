import random
from collections.abc import Sequence
from math import log

import pytest

from osler.checks.course.no_better_than_baseline import check
from osler.model import Column, Event, Kind, LoaderFact, LossInputFact, Run, Severity, SignFact
from osler.testing import event, examine, findings, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
LOSS = event(Kind.LOSS, "cross_entropy", 12, "grad")
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
TEACHER = event(Kind.FORWARD, "Net", 11, "no-grad")
SMALL = random.Random(5)
FLAT = [log(4) + 0.02 + SMALL.gauss(0, 0.05) for _ in range(100)]


def mean_of(*averages: tuple[str, float]) -> SignFact:
    return SignFact(BACKWARD.site, ("cross_entropy",), (), 0, averages)


PLAIN = mean_of(("cross_entropy", 1.0))


def column(numbers: Sequence[float]) -> Column:
    filled = Column()
    for step, value in enumerate(numbers):
        filled.add(step, value)
    return filled


def run(
    values: Sequence[float] = FLAT,
    fact: SignFact = PLAIN,
    *,
    turn: Sequence[Event] = (BATCH, LOSS, BACKWARD, STEP),
    counts: Sequence[int] = (40, 40, 40, 40),
    classes: int = 4,
    begun: int = 3,
    ended: bool = True,
) -> Run:
    columns = {"loss": column(values)}
    columns |= {f"label_count:{i}": column([n / 2, n / 2]) for i, n in enumerate(counts)}
    return run_of(
        [turn] * len(values),
        signs=[fact],
        columns=columns,
        ended=ended,
        losses=[LossInputFact("cross_entropy", LOSS.site, 64, 0, 0, 64, classes, -1, 1, -1, 1)],
        loaders=[LoaderFact("DataLoader", 320, 10, 32, "random", begun=begun)],
    )


def test_says_what_was_seen() -> None:
    (found,) = findings(run([1.41, 1.39] * 50), [check])
    assert found.message == (
        "The mean loss of the last 25 batches is 1.4; the same answer for every sample, the shares of the "
        "4 classes, has 1.4."
    )
    assert (found.place.line, found.severity) == (13, Severity.WARNING)


def test_finds_a_majority_class() -> None:
    shares = [0.34 + SMALL.gauss(0, 0.03) for _ in range(100)]
    assert len(findings(run(shares, counts=(900, 100), classes=2), [check])) == 1


SILENT = {
    "a loss below it": run([1.2 + n - log(4) for n in FLAT]),
    "a little below, but still falling": run([1.55 - i / 500 for i in range(100)]),
    "noise that hides whether it is below": run([1.36, 0.8, 2.0, 1.2] * 25),
    "few values": run(FLAT[:60]),
    "it goes on": run(ended=False),
    "one pass": run(begun=1),
    "weighted classes": run(FLAT, mean_of(("cross_entropy, weighted", 1.0))),
    "label smoothing or a factor": run(FLAT, mean_of(("cross_entropy", 0.9))),
    "two terms": run(FLAT, mean_of(("cross_entropy", 1.0), ("mse_loss", 1.0))),
    "another loss": run(FLAT, mean_of(("mse_loss", 1.0))),
    "too few labels": run(counts=(4, 4, 4, 4)),
    "a single class": run(counts=(160,)),
    "more classes than are counted": run(classes=1000),
    "targets come from a model": run(turn=(BATCH, TEACHER, LOSS, BACKWARD, STEP)),
}


@pytest.mark.parametrize("healthy", SILENT.values(), ids=SILENT.keys())
def test_stays_quiet(healthy: Run) -> None:
    assert findings(healthy, [check]) == ()


def test_a_model_that_learns_slowly() -> None:
    code = """
optimizer = torch.optim.SGD(model.parameters(), lr=0.002)
for epoch in range(10):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""
    assert check.name not in {f.check for f in examine(code).findings}
