"""The learning rate is 0 long before training ends.

A schedule whose horizon is shorter than the run reaches 0 and stays there, or decays below what a
weight can feel. All the work that follows changes nothing.

## Bad

```python
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=12)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
```

## Good

```python
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs * len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
```

## Not a problem

- A schedule that comes to 0 with the last steps.
- A learning rate that comes back: cycles, warm restarts.

## Sources

- [How to adjust the learning
  rate](https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Evidence, Finding, Kind, Run, Severity
from osler.static.exhaustion import exhausted
from osler.static.queries import shown

IDLE = 0.1
"""Share of all steps at the end without a learning rate: the last few of a schedule may be."""

FEW = 10
"""Steps at 0 before we speak."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="a learning rate above 0 until the end",
    why="These steps change nothing: the time they take is lost, and the model stops improving.",
    fix="Give the schedule a horizon of all steps of the run, or a floor such as `eta_min`.",
    symptoms=("cannot-overfit-one-batch", "loss-plateaus", "updates-too-small", "learning-rate-too-low"),
)


@check.in_code
def ends_before_training_does(code: Code) -> Iterator[Finding]:
    for spent in exhausted(code):
        idle = spent.steps - spent.end
        if idle < FEW or idle < IDLE * spent.steps:
            continue
        yield check.finding(
            spent.call.site,
            f"{shown(spent.schedule)} comes to a learning rate of 0 after {spent.end} steps, and is stepped "
            f"at least {spent.steps} times, once for each {spent.each}.",
            subject=spent.schedule.name,
            related=[((spent.schedule.place,), "the schedule is built here")],
        )


@check.applies_when
def no_rate(run: Run) -> str:
    return "" if "learning_rate" in run.columns else "no learning rate was seen"


@check.in_run
def idle_at_the_end(run: Run) -> Iterator[Finding]:
    for key, column in run.columns.items():
        name, _, subject = key.partition(":")
        if name != "learning_rate":
            continue
        steps, rates = column.history()
        if not run.ended or not rates or rates[-1] or not any(rates):
            continue
        last = max(i for i, rate in enumerate(rates) if rate)
        idle, since = steps[-1] - steps[last], steps[last] + 1
        if idle < FEW or idle < IDLE * (steps[-1] + 1 - steps[0]):
            continue
        schedules = [s for s in run.schedules.values() if not subject or s.optimizer == subject]
        calls = [e.site for s in schedules for e in run.of(Kind.SCHEDULE, s.name)]
        yield check.finding(
            schedules[0].site if schedules else run.usual_site(run.of(Kind.STEP)),
            f"The learning rate was 0 from step {since} to the end: {idle} of {steps[-1] + 1} steps changed "
            "nothing.",
            step=since,
            subject=subject,
            related=[(site, "the schedule steps here") for site in calls[:1]],
            evidence=[Evidence("steps at a learning rate of 0", idle, "0", step=since)],
        )
