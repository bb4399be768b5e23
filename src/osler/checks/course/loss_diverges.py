"""The loss rises and stays up: the model is worse at the end than before training.

A learning rate that is too high throws the weights further away with each step than the gradient can bring
them back. Unlike NaN this raises no alarm of its own: training goes on to the end with a useless model.

## Bad

```python
optimizer = torch.optim.SGD(model.parameters(), lr=30.0, momentum=0.9)
for epoch in range(12):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
for epoch in range(12):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A spike that is recovered from, a warm-up that begins with one, or noise.
- Losses of several lines, as in a GAN, and steps that take targets from a model (reinforcement learning,
  distillation): what is to be learned changes.
- A loss with a factor that grows, such as a gradient scaler's.
- A loss written by hand: it may be meant to grow.
- One pass over data that become harder.

## Sources

- [Deep Learning Tuning Playbook](https://github.com/google-research/tuning_playbook#identifying-unstable-workloads)
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from statistics import median

from osler.model import (
    Check,
    Confidence,
    Evidence,
    Finding,
    Run,
    Severity,
    SignFact,
    learns_from_models,
    repeats_data,
    single_loss,
)

FEWEST = 80
"""Losses before we speak. Noise puts a whole quarter of 20 above another one once in 10¹¹ times."""

WORSE = 2
"""Times the loss of the untrained model that a jump must reach; what is not learned at all stays near 1."""

OFTEN = 10
"""Losses that must be so high: one alone may be an odd batch. And at the end at least half must still lie
above the loss of the untrained model."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="a loss that falls, or stays below where it began",
    why="The weights have been driven away from every solution: the model is worse than untrained.",
    fix="Lower the learning rate by a factor of 10, or let it rise over the first steps.",
    symptoms=("gradients-explode", "activations-explode", "no-better-than-baseline", "loss-spikes"),
)


@check.in_run
def rises_and_stays_up(run: Run) -> Iterator[Finding]:
    column = run.columns.get("loss")
    if not run.ended or column is None or column.total < FEWEST:
        return
    fact = single_loss(run)
    if fact is None or not repeats_data(run) or learns_from_models(run):
        return
    steps, values = column.history()
    untrained = values[: max(1, sum(step == 0 for step in steps[: len(values) // 4]))]
    quarter = len(values) // 4
    start, end = values[:quarter], values[-quarter:]
    if any(v - v != 0 for v in values):
        return
    jumped = sum(v > WORSE * max(untrained) > 0 for v in values) >= OFTEN
    if min(end) > max(start) or (jumped and median(end) > max(untrained)):
        yield described(run, fact, values, end)


def described(run: Run, fact: SignFact, values: array[float], end: array[float]) -> Finding:
    optimizers = [run.optimizers[o] for o in sorted(run.stepping_on(fact.site)) if o in run.optimizers]
    rate = run.columns.get("learning_rate")
    highest = max(rate.history()[1], default=0.0) if rate is not None else 0.0
    return check.finding(
        fact.site,
        f"The loss rose and stayed up: it began at {values[0]:.3g}, went up to {max(values):.3g}, and half "
        f"of the last {len(end)} are above {median(end):.3g}; the learning rate was up to {highest:.3g}.",
        step=run.steps,
        related=[(o.site, f"`{o.name}` is built here") for o in optimizers],
        evidence=[
            Evidence(
                f"median of the last {len(end)} losses", median(end), f"below {values[0]:.3g}", step=run.steps
            ),
        ],
        confidence=Confidence.LIKELY,
    )
