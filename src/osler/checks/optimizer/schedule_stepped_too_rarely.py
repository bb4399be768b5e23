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
- A run that ends early. Of one that was stopped, and of a pre-flight, it is not known how far it would have
  come.
- A schedule that is part of another one, or waits for its phase.

## Sources

- [OneCycleLR](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html)
- Reported in [espnet](https://github.com/espnet/espnet/pull/3319) and
  [so-vits-svc](https://github.com/svc-develop-team/so-vits-svc/pull/291)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from osler.model import (
    Action,
    Check,
    Code,
    Evidence,
    Finding,
    Helper,
    Kind,
    Length,
    Loader,
    Optimizer,
    Run,
    ScheduleFact,
    Severity,
    Trace,
    Value,
    counted,
    flat,
    needs_schedule,
)
from osler.static.lengths import may_be_one_batch
from osler.static.queries import every_loop, goes_backward, shown

REACHED = 0.9
"""Share of its horizon in optimizer steps: the run went as far as the schedule was planned."""

BEHIND = 0.5
"""Share of the optimizer's steps that the schedule has taken: with one call per step it is 1."""

PASSES = 2
"""Passes over the data without a step of the schedule before we say that it is never stepped."""

PARTS = frozenset({"SequentialLR", "ChainedScheduler"})

OWN = "torch.optim.lr_scheduler."
"""Where the schedules come from whose `step()` is all there is to call."""

HORIZONS: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {
        "OneCycleLR": ("total_steps", 2, "steps_per_epoch"),
        "CosineAnnealingLR": ("T_max", 1),
        "LinearLR": ("total_iters", 3),
        "PolynomialLR": ("total_iters", 1),
        "get_linear_schedule_with_warmup": ("num_training_steps", 2),
        "get_cosine_schedule_with_warmup": ("num_training_steps", 2),
    }
)
"""Under which names and positions schedules take the number of their steps."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a schedule is stepped as often as its horizon counts",
    why="The learning rate stays near its first value; the decay or the warm-up never happens.",
    fix="Call `scheduler.step()` after each `optimizer.step()`, or give the schedule a horizon in epochs.",
    symptoms=("loss-plateaus", "updates-too-large"),
)

check.applies_when(needs_schedule)


@check.refutes_when
def went_to_its_end(run: Run) -> bool:
    return run.ended and not run.cut


@check.in_code_by_absence
def planned_for_batches(code: Code) -> Iterator[Finding]:
    if code.frameworks:
        return
    for trace in code.traces:
        actions = list(flat(trace.nodes))
        calls = [a for a in actions if a.kind is Kind.SCHEDULE]
        unclear = any(a.kind is Kind.STEP and a.subject is None for a in actions)
        if not trace.is_open and not unclear and all(map(is_known, calls)):
            yield from never_called(trace, [a.subject for a in calls])
        yield from once_per_epoch(code, trace, calls)


def is_known(call: Action) -> bool:
    """It is clear which schedule steps."""
    return isinstance(call.subject, Helper) and bool(call.subject.made)


def once_per_epoch(code: Code, trace: Trace, calls: list[Action]) -> Iterator[Finding]:
    """The horizon is a multiple of the length of a loader, and all calls stand behind the loop over one."""
    for epochs in every_loop(trace.nodes):
        inner = list(every_loop(epochs.body))
        inside = {id(a) for loop in inner for a in flat(loop.body)}
        trained = [loop.over for loop in inner if isinstance(loop.over, Loader) and goes_backward(loop)]
        trains = any(not may_be_one_batch(code, loader) for loader in trained)
        own = [a for a in flat(epochs.body) if a in calls and id(a) not in inside]
        for call in own if trains else ():
            schedule = call.subject
            alone = [c for c in calls if c.subject is schedule] == [call]
            if isinstance(schedule, Helper) and counts_batches(schedule) and alone:
                yield check.finding(
                    call.site,
                    f"{shown(schedule)} was planned for all batches of all epochs, and is stepped once "
                    "per epoch.",
                    subject=schedule.name,
                    related=[((schedule.place,), "its horizon is a multiple of the length of a loader")],
                )


def counts_batches(schedule: Helper) -> bool:
    """Its horizon is written as a multiple of the length of a loader."""
    for place in HORIZONS.get(schedule.made.rpartition(".")[2], ()):
        given = schedule.options.get(place)
        if not isinstance(given, Length) or not isinstance(given.of, Loader):
            continue
        if given.times or place == "steps_per_epoch":
            return True
    return False


def never_called(trace: Trace, called: list[Value | None]) -> Iterator[Finding]:
    """Schedules that are built here, and nothing ever steps them, although their optimizer does."""
    inside = [a for loop in every_loop(trace.nodes) for a in flat(loop.body)]
    steps = {id(a.subject): a for a in inside if a.kind is Kind.STEP}
    for action in flat(trace.nodes):
        schedule = action.subject
        if action.kind is not Kind.BUILD or not isinstance(schedule, Helper):
            continue
        step, optimizer = steps.get(id(schedule.about)), schedule.about
        if step is None or schedule.handed or schedule in called or not schedule.made.startswith(OWN):
            continue
        if isinstance(optimizer, Optimizer) and not optimizer.handed:
            yield check.finding(
                action.site,
                f"{shown(schedule)} is built and never stepped, while {shown(optimizer)} steps in line "
                f"{step.place.line}.",
                subject=schedule.name,
                related=[(step.site, "the optimizer steps here")],
                fix="Call `scheduler.step()` in the loop, or remove the schedule.",
            )


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
        elif fact.kind != "StepLR" and not run.cut and is_behind(fact, steps):
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
