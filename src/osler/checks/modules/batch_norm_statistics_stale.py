"""The running statistics of BatchNorm stay at mean 0 and variance 1, whatever the data are.

In training BatchNorm normalises by the batch and moves its running statistics a little; evaluation
normalises by these. With momentum 0 they never move: the training loss looks well and evaluation does not.
A layer that is in eval mode while it is trained does not move them either, and a new one then normalises
nothing at all.

Osler asks this in `osler preflight`: after some turns of training not one bit of the statistics has changed,
and the loss of a batch is another with them than with the batch's own.

## Bad

```python
model = nn.Sequential(
    nn.Linear(8, 16),
    nn.BatchNorm1d(16, momentum=0.0),  # the share of the new batch, not of the old statistics
    nn.ReLU(),
    nn.Linear(16, 4),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- `momentum=None`, a small momentum, or few steps so far: the statistics move, and that is enough.
- Statistics that were loaded, or that the script sets itself.
- A frozen BatchNorm in eval mode, and a frozen network with weights drawn at random.
- Layers without running statistics.

## Sources

- [BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html), "momentum"
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from osler.model import Check, Confidence, Evidence, Finding, Setup, Severity, StillNormFact, counted

SAME = 1e-4
"""Relative difference of two losses below which the data are normalised already."""

NAMED = 2
"""Layers that are named."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the running statistics follow the data that the layer sees in training",
    why="Evaluation divides by a variance of 1 where training divided by that of the batch: another network.",
    fix="Leave `momentum` at 0.1 and the layer in train mode while it is trained.",
    symptoms=("model-overfits",),
)


@check.in_setup
def never_move(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(StillNormFact):
        if is_same(fact):
            continue
        count = len(fact.names)
        names = ", ".join(f"`{name}`" for name in fact.names[:NAMED])
        more = f" and {count - NAMED} more" if count > NAMED else ""
        have = "have" if count > 1 else "has"
        how = "momentum is 0" if fact.training else "the layer is in eval mode while it is trained"
        yield check.finding(
            fact.site,
            f"BatchNorm {names}{more} still {have} a running mean of 0 and variance of 1 after "
            f"{counted(fact.turns, 'turn')} of training: {how}.{apart(fact)}",
            subject=fact.names[0],
            confidence=Confidence.LIKELY,
            evidence=[Evidence("layers with unmoved statistics", count, "0"), *losses(fact)],
        )


def is_same(fact: StillNormFact) -> bool:
    """Whether the loss is the same with either: there was nothing to normalise."""
    return abs(fact.running - fact.batch) <= SAME * max(abs(fact.batch), abs(fact.running))


def losses(fact: StillNormFact) -> Iterator[Evidence]:
    """The loss with these statistics, if it is known."""
    if isfinite(fact.running) and isfinite(fact.batch):
        yield Evidence("loss with the running statistics", fact.running, f"near {fact.batch:.4g}")


def apart(fact: StillNormFact) -> str:
    """What difference it makes, if that is known."""
    if not isfinite(fact.running) or not isfinite(fact.batch):
        return ""
    return f" The loss of a batch is {fact.running:.4g} with them and {fact.batch:.4g} with its own."
