"""The first step is taken with a learning rate of 0.

A warm-up that computes `step / warmup` starts at 0 / warmup: the first batch is computed for nothing. It is
only one step, but counting from 1 costs nothing.

## Bad

```python
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 10))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
```

## Good

```python
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 10))
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
```

## Not a problem

- A learning rate that is small at first.
- A group of parameters that waits at 0 while others are trained.

## Sources

- Reported in [nanoGPT](https://github.com/karpathy/nanoGPT/issues/443) and
  [FARM](https://github.com/deepset-ai/FARM/issues/46)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Const, Evidence, Finding, Helper, Kind, Run, Severity, Value, counted
from osler.static.queries import everywhere, shown

check = Check(
    __name__,
    severity=Severity.HINT,
    expected="a first learning rate above 0",
    why="The first update changes nothing.",
    fix="Start the warm-up at `(step + 1) / warmup`.",
)


@check.in_code
def function_of_step_0(code: Code) -> Iterator[Finding]:
    builds = (a for a in code.actions(Kind.BUILD) if isinstance(a.subject, Helper))
    for build in everywhere(builds, lambda a: a.place, lambda a: is_zero(a.subject)):
        schedule = build.subject
        if isinstance(schedule, Helper):
            source = "its function gives 0 for step 0" if "first" in schedule.options else "`base_lr` is 0"
            yield check.finding(
                build.site,
                f"{shown(schedule)} starts with a learning rate of 0: {source}.",
                subject=schedule.name,
            )


def is_zero(schedule: Value | None) -> bool:
    """A schedule whose first factor, or first learning rate, is 0."""
    if not isinstance(schedule, Helper):
        return False
    cyclic = schedule.made.endswith(".CyclicLR")
    base = schedule.options.get("base_lr", schedule.options.get(1)) if cyclic else None
    return any(isinstance(v, Const) and v.value == 0 for v in (schedule.options.get("first"), base))


@check.applies_when
def no_rate(run: Run) -> str:
    return "" if "learning_rate" in run.columns else "no learning rate was seen"


@check.in_run
def starts_at_zero(run: Run) -> Iterator[Finding]:
    updates = {name: fact for name, fact in run.updates.items() if fact.absent}
    for name, fact in updates.items():
        steps, rates = run.columns["learning_rate"].history()
        if name != next(iter(run.updates)) or not rates or rates[0] or not any(rates):
            continue
        idle = next(i for i, rate in enumerate(rates) if rate)
        schedules = [s.site for s in run.schedules.values() if s.optimizer == name]
        yield check.finding(
            schedules[0] if schedules else run.usual_site(run.of(Kind.STEP, name)),
            f"`{name}` took {counted(idle, 'step')} with a learning rate of 0 at the start.",
            step=steps[0],
            subject=name,
            evidence=[Evidence("updates that changed nothing", fact.absent, "0")],
        )
