"""A schedule that counts steps is stepped once per epoch, or never.

`OneCycleLR(total_steps=epochs * len(loader))` expects one call per batch. Called once per epoch it never
leaves its warm-up. A schedule that is built and never stepped leaves the learning rate as it was.

## Bad

```python
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
```

## Good

```python
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
```

## Not a problem

- A schedule in epochs that is stepped once per epoch.
- A run that ends early.
- A schedule that is part of another one, or waits for its phase.

## Sources

- [OneCycleLR](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html)
- Reported in [espnet](https://github.com/espnet/espnet/pull/3319) and
  [so-vits-svc](https://github.com/svc-develop-team/so-vits-svc/pull/291)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, Run, ScheduleFact, Severity, counted, needs_schedule

REACHED = 0.9
"""Share of its horizon in optimizer steps: the run went as far as the schedule was planned."""

BEHIND = 0.5
"""Share of the optimizer's steps that the schedule has taken: with one call per step it is 1."""

PASSES = 2
"""Passes over the data without a step of the schedule before we say that it is never stepped."""

PARTS = frozenset({"SequentialLR", "ChainedScheduler"})

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a schedule is stepped as often as its horizon counts",
    why="The learning rate stays near its first value; the decay or the warm-up never happens.",
    fix="Call `scheduler.step()` after each `optimizer.step()`, or give the schedule a horizon in epochs.",
    symptoms=("loss-plateaus", "updates-too-large"),
)

check.applies_when(needs_schedule)


@check.in_run
def left_behind(run: Run) -> Iterator[Finding]:
    if not run.ended or run.crash is not None:
        return
    for fact in run.schedules.values():
        steps = run.steps_of(fact.optimizer)
        if not steps:
            continue
        if not fact.calls:
            yield from never(run, fact, steps)
        elif fact.kind != "StepLR" and is_behind(fact, steps):
            sites = [e.site for e in run.of(Kind.SCHEDULE, fact.name)]
            yield check.finding(
                sites[0] if sites else fact.site,
                f"`{fact.name}` was planned for {fact.horizon} steps and took {fact.calls}, "
                f"while `{fact.optimizer}` took {steps}.",
                step=steps,
                subject=fact.name,
                related=[(fact.site, f"`{fact.name}` is built here")],
                evidence=[Evidence("steps of the schedule", fact.calls, f"about {steps}", step=steps)],
            )


def is_behind(fact: ScheduleFact, steps: int) -> bool:
    """Whether its horizon counts the steps that the optimizer took, and it took far fewer itself."""
    planned = REACHED * fact.horizon <= steps <= fact.horizon / REACHED
    return planned and fact.calls < BEHIND * steps


def never(run: Run, fact: ScheduleFact, steps: int) -> Iterator[Finding]:
    same = [f for f in run.schedules.values() if f.optimizer == fact.optimizer and f is not fact]
    if run.passes < PASSES or any(f.calls or f.kind in PARTS for f in same):
        return
    yield check.finding(
        fact.site,
        f"`{fact.name}` was built and never stepped, while `{fact.optimizer}` took {counted(steps, 'step')}.",
        subject=fact.name,
        evidence=[Evidence("steps of the schedule", 0, "at least 1")],
        fix="Call `scheduler.step()` in the loop, or remove the schedule.",
    )
