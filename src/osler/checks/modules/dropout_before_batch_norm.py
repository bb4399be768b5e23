"""Dropout stands directly before BatchNorm.

Dropout changes the variance of its output between training and evaluation. BatchNorm behind it collects the
variance of training and applies it in evaluation, where it no longer fits.

## Bad

```python
body = nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
```

## Good

```python
body = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 4))
optimizer = torch.optim.SGD(body.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(body(x), y).backward()
        optimizer.step()
```

## Not a problem

- Dropout behind the last BatchNorm.
- A layer with weights in between.
- A rate of 0.
- A BatchNorm without running statistics, which knows no other variance than the batch's.

## Sources

- [Understanding the disharmony between dropout and batch normalization](https://arxiv.org/abs/1801.05134)
"""

from collections.abc import Iterator
from itertools import pairwise

from osler.model import (
    Check,
    Code,
    Const,
    Finding,
    HandoverFact,
    Network,
    PartsFact,
    Setup,
    Severity,
    Site,
    counted,
)

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="BatchNorm comes before Dropout",
    why="Evaluation normalises by a variance that only training had.",
    fix="Move the Dropout behind the BatchNorm.",
)


@check.in_code
def in_a_row(code: Code) -> Iterator[Finding]:
    for network in code.networks:
        children = [child for _, child in network.children()] if network.kind == "Sequential" else []
        for first, second in pairwise(children):
            if "Dropout" in first.kind and "BatchNorm" in second.kind and matters(first, second):
                yield check.finding(
                    (second.place,), f"`{first.kind}` stands directly before `{second.kind}`."
                )


@check.in_setup
def one_after_the_other(setup: Setup) -> Iterator[Finding]:
    for model in setup.all(PartsFact):
        places: dict[Site, list[HandoverFact]] = {}
        for pair in model.handovers:
            if pair.giver.rate and pair.taker.keeps_statistics:
                places.setdefault(pair.taker.built or pair.taker.site, []).append(pair)
        for site, (pair, *others) in places.items():
            first, second = pair.giver, pair.taker
            again = f", and {counted(len(others), 'more pair')} like it" if others else ""
            yield check.finding(
                site,
                f"`{first.name}`, a {first.kind} with p = {first.rate:g}, stands directly before "
                f"`{second.name}`, a {second.kind}{again}.",
                subject=second.name,
            )


def matters(dropout: Network, norm: Network) -> bool:
    """The dropout changes the variance, and the norm remembers it."""
    rate = dropout.options.get("p", dropout.options.get(0))
    tracks = norm.options.get("track_running_stats", norm.options.get(4))
    return rate != Const(0) and tracks != Const(False)
