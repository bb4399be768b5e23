"""A plateau schedule waits for the metric to move the wrong way.

`ReduceLROnPlateau(mode="max")` with a loss, or `mode="min"` with an accuracy, takes every improvement for a
failure: the learning rate is cut again and again while training goes well.

## Bad

```python
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=3)
for epoch in range(10):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    schedule.step(1.0 / (epoch + 1))
```

## Good

```python
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", patience=3)
for epoch in range(10):
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
    schedule.step(1.0 / (epoch + 1))
```

## Not a problem

- A metric that got better and then stays where it is.
- A metric that gets worse because the model overfits, after it got better.

## Sources

- [ReduceLROnPlateau](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html)
- Reported in [selene](https://github.com/FunctionLab/selene/pull/115) and
  [gnina-torch](https://github.com/RMeli/gnina-torch/pull/57)
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from osler.model import Check, Confidence, Evidence, Finding, Kind, Run, Severity

CHANCE = 0.001
"""False alarms on a metric that goes nowhere: the share of series that set so many records one way only."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="`mode` says in which direction the metric gets better",
    why="The learning rate is cut while training improves, until nothing moves any more.",
    fix='Use `mode="min"` for a loss or an error, and `mode="max"` for an accuracy or a score.',
    symptoms=("learning-rate-decayed-to-zero", "loss-plateaus"),
)


@check.applies_when
def no_plateau(run: Run) -> str:
    return "" if any(f.metrics for f in run.schedules.values()) else "no plateau schedule was given a metric"


@check.in_run
def wrong_way(run: Run) -> Iterator[Finding]:
    for fact in run.schedules.values():
        up = fact.mode == "max"
        good, bad = (fact.highs, fact.lows) if up else (fact.lows, fact.highs)
        if not fact.metrics or good or not improves(run) or records(fact.metrics, bad) > CHANCE:
            continue
        first, last = (fact.highest, fact.lowest) if up else (fact.lowest, fact.highest)
        calls = run.of(Kind.SCHEDULE, fact.name)
        yield check.finding(
            fact.site,
            f'`{fact.name}` expects its metric to {"rise" if up else "fall"} (`mode="{fact.mode}"`), '
            f"but over {fact.metrics} calls it only {'fell' if up else 'rose'}, "
            f"from {first:.3g} to {last:.3g}, while the training loss went down.",
            subject=fact.name,
            related=[(e.site, "the metric is given here") for e in calls[:1]],
            evidence=[Evidence("new extremes the other way", bad, "0")],
            confidence=Confidence.LIKELY,
        )


def improves(run: Run) -> bool:
    """Whether the mean of the last quarter of the losses is below that of the first quarter."""
    losses = [v for v in run.columns["loss"].history()[1] if isfinite(v)] if "loss" in run.columns else []
    quarter = len(losses) // 4
    return quarter > 0 and sum(losses[-quarter:]) < sum(losses[:quarter])


def records(count: int, seen: int) -> float:
    """Chance that a series without a trend sets at least so many new lows and not one new high.

    The first of n exchangeable values is the highest with chance 1/n; of those that remain, the k-th is a new
    low with chance 1/k.
    """
    chances = [1.0]
    for k in range(1, count):
        following = [0.0] * (len(chances) + 1)
        for n, p in enumerate(chances):
            following[n] += p * (1 - 1 / k)
            following[n + 1] += p / k
        chances = following
    return sum(chances[seen:]) / count
