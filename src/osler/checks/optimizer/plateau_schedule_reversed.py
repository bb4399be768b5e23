"""A plateau schedule waits for the metric to move the wrong way.

`ReduceLROnPlateau(mode="max")` with a loss, or `mode="min"` with an accuracy, takes every improvement for a
failure: the learning rate is cut again and again while training goes well.

## Bad

```python
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=3)
for epoch in range(10):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    schedule.step(total / len(loader))
```

## Good

```python
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="min", patience=3)
for epoch in range(10):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    schedule.step(total / len(loader))
```

## Not a problem

- A loss with its sign turned, or an error of one minus the accuracy.
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

from osler.model import (
    Action,
    Check,
    Code,
    Confidence,
    Const,
    Evidence,
    Finding,
    Helper,
    Kind,
    Run,
    Severity,
    Tensor,
)
from osler.static.queries import everywhere, shown

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


@check.in_code
def given_the_other_kind(code: Code) -> Iterator[Finding]:
    for call in everywhere(code.actions(Kind.SCHEDULE), lambda a: a.place, contradicts):
        schedule, metric = call.subject, call.value
        if isinstance(schedule, Helper) and isinstance(metric, Tensor):
            mode = mode_of(schedule)
            article = "an" if metric.gauge == "accuracy" else "a"
            yield check.finding(
                call.site,
                f"{shown(schedule)} expects its metric to {'rise' if mode == 'max' else 'fall'} "
                f'(`mode="{mode}"`), but it is given {article} {metric.gauge}.',
                subject=schedule.name,
                related=[((schedule.place,), "the schedule is built here")],
            )


def contradicts(call: Action) -> bool:
    """The metric gets better the other way round."""
    if not isinstance(call.subject, Helper) or not isinstance(call.value, Tensor):
        return False
    return (mode_of(call.subject), call.value.gauge) in {("max", "loss"), ("min", "accuracy")}


def mode_of(schedule: Helper) -> str:
    """The mode of a plateau schedule; empty if it is another schedule, or the mode is not written there."""
    if not schedule.made.endswith("ReduceLROnPlateau") or "**" in schedule.options:
        return ""
    given = schedule.options.get("mode", schedule.options.get(1, Const("min")))
    return str(given.value) if isinstance(given, Const) else ""


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
