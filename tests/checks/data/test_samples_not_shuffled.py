from dataclasses import replace

import pytest

from osler.checks.data.samples_not_shuffled import check
from osler.model import Kind, LoaderFact, LossCallFact, Run, Severity
from osler.testing import event, examine, findings, place, read, run_of

BATCH = event(Kind.BATCH, "DataLoader", 10)
BACKWARD = event(Kind.BACKWARD, "", 13)
STEP = event(Kind.STEP, "SGD", 14, "fresh")
END = event(Kind.PASS_END, "DataLoader", 10)
TRAINING = [*[[BATCH, BACKWARD, STEP]] * 7, [END], *[[BATCH, BACKWARD, STEP]] * 7, [END]]
ATTACKING = [*[[BATCH, BACKWARD]] * 7, [END], *[[BATCH, BACKWARD]] * 7, [END], [STEP]]
SCORING = [*[[BATCH]] * 7, [END], *[[BATCH]] * 7, [END]]

FIXED = LoaderFact("DataLoader", 97, 16, 7, "sequential", begun=2)
SORTED = LossCallFact("cross_entropy", (place(12),), 4, labels_in_order=64, order_chance=-28.4)

LOOP = """
data = rows(192)
x, y = data.tensors
{setup}
for epoch in range(3):
    for x, y in mine:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""

SORT = "order = y.argsort(); "

FAULTY = {
    "a loader": SORT + "mine = DataLoader(TensorDataset(x[order], y[order]), 16)",
    "by hand": SORT + "mine = list(zip(x[order].split(16), y[order].split(16)))",
    "a sampler": SORT + "mine = DataLoader(data, 16, sampler=order.tolist())",
}

HEALTHY = {
    "shuffled": "mine = DataLoader(data, 16, shuffle=True)",
    "shuffled once": "mine = DataLoader(data, 16)",
    "by hand": "mine = list(zip(x.split(16), y.split(16)))",
    "one class": "mine = DataLoader(TensorDataset(x, y * 0), 16)",
    "sorted inside a batch": "mine = [(a, b.sort()[0]) for a, b in zip(x.split(16), y.split(16))]",
    "one batch": SORT + "mine = DataLoader(TensorDataset(x[order][:8], y[order][:8]), 16)",
}


def seen(setup: str) -> list[Severity]:
    return [f.severity for f in examine(LOOP.format(setup=setup)).findings if f.check == check.name]


@pytest.mark.parametrize("setup", FAULTY.values(), ids=FAULTY.keys())
def test_is_found(setup: str) -> None:
    assert seen(setup) == [Severity.WARNING]


@pytest.mark.parametrize("setup", HEALTHY.values(), ids=HEALTHY.keys())
def test_stays_quiet(setup: str) -> None:
    assert Severity.WARNING not in seen(setup)


SILENT = {
    "random": run_of(TRAINING, loaders=[replace(FIXED, order="random")]),
    "a sampler": run_of(TRAINING, loaders=[replace(FIXED, order="custom")]),
    "a stream": run_of(TRAINING, loaders=[replace(FIXED, order="stream")]),
    "one batch": run_of(TRAINING, loaders=[replace(FIXED, batches=1)]),
    "the first pass": run_of(TRAINING[:8], loaders=[replace(FIXED, begun=1)]),
    "only evaluated": run_of(SCORING, loaders=[FIXED], steps=3),
    "only attacked": run_of(ATTACKING, loaders=[FIXED], steps=3),
    "too few labels": run_of(TRAINING, loss_calls=[replace(SORTED, labels_in_order=9, order_chance=-4.1)]),
}


@pytest.mark.parametrize("run", SILENT.values(), ids=SILENT.keys())
def test_says_nothing(run: Run) -> None:
    assert findings(run, [check]) == ()


def test_says_what_was_seen() -> None:
    (found,) = findings(run_of(TRAINING, loaders=[FIXED], loss_calls=[SORTED]), [check])
    assert found.message == (
        "The labels came in ascending order: all 64 that were looked at in the first pass, batch after "
        "batch. By chance that happens once in 10^28."
    )
    assert (found.place.line, found.related[0].place.line) == (10, 12)


def test_the_same_order_is_a_hint() -> None:
    (found,) = findings(run_of(TRAINING, loaders=[FIXED]), [check])
    assert found.message == "The loader hands out its 97 samples in the same order in every pass."
    assert found.severity is Severity.HINT


CODE = """
fixed = DataLoader(rows(192), batch_size=16)
for epoch in range(epochs):
    for x, y in fixed:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
"""


def test_says_what_was_read() -> None:
    (found,) = read(CODE, [check]).findings
    assert found.message == "`fixed` trains without shuffling."
    assert not read("print(model)", [check]).findings
