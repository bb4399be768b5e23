"""The schedule steps before the optimizer has stepped once.

A schedule sets the learning rate for the *next* step. Stepped first, it skips its first value: the warm-up
starts too late, or the initial learning rate is never used.

## Bad

```python
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
for epoch in range(epochs):
    schedule.step()
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
```

## Not a problem

- A schedule that is given the epoch or a metric.
- A step under a condition, such as after a warm-up.

## Sources

- [How to adjust the learning
  rate](https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate)
"""

from collections.abc import Iterator

from osler.model import Check, Code, Edit, Event, Finding, Kind, Pages, Run, Severity, flat, needs_schedule
from osler.static.edits import Spot, move_behind, statement_at
from osler.static.queries import every_loop

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="the optimizer steps first, then the schedule",
    why="The first value of the schedule is skipped.",
    fix="Call `scheduler.step()` after `optimizer.step()`.",
)


@check.in_code
def schedule_first(code: Code) -> Iterator[Finding]:
    for trace in code.traces:
        for loop in every_loop(trace.nodes):
            order = [a for a in flat(loop.body) if a.kind in (Kind.SCHEDULE, Kind.STEP)]
            steps = [a for a in order if a.kind is Kind.STEP]
            if not steps or order[0].kind is Kind.STEP or order[0].words & {"argument", "guarded"}:
                continue
            schedule = order[0]
            if any(s.subject is None or s.subject is getattr(schedule.subject, "about", None) for s in steps):
                yield check.finding(
                    schedule.site,
                    "the schedule steps before the optimizer, which first steps in line "
                    f"{steps[0].place.line}.",
                    related=[(steps[0].site, "the optimizer steps here")],
                )


check.applies_when(needs_schedule)


@check.mends
def step_last(finding: Finding, pages: Pages) -> Iterator[list[Edit]]:
    schedule = statement_at(pages, finding.place)
    if schedule is not None:
        yield move_behind(schedule, Spot(schedule.page, schedule.block[-1], schedule.block))


@check.in_run
def first_value_skipped(run: Run) -> Iterator[Finding]:
    for schedule in run.of(Kind.SCHEDULE):
        if "argument" in schedule.traits or not run.steps or run.context.scaler:
            continue
        seen = [p for e, p in run.events(Kind.SCHEDULE) if e is schedule]
        first, step = seen[0], first_step(run, schedule)
        before = first.events[: first.events.index(schedule)]
        early = not first.steps_before and not any(e.kind is Kind.STEP for e in before)
        again = sum(p.times(schedule) for p in seen if p.step) > (1 if len(seen) == 1 else 0)
        if early and again and step is not None:
            yield check.finding(
                schedule.site,
                f"`{schedule.subject}` stepped before `{step.subject}` had stepped once: "
                "the first learning rate was never used.",
                step=0,
                subject=schedule.subject,
                related=[(step.site, "the optimizer steps here")],
            )


def first_step(run: Run, schedule: Event) -> Event | None:
    """The first step of the optimizer whose learning rate is set, or of any if that is not known."""
    fact = run.schedules.get(schedule.subject)
    steps = run.of(Kind.STEP, fact.optimizer if fact is not None and fact.optimizer else None)
    return steps[0] if steps else None
