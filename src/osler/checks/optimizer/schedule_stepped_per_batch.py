"""A schedule that counts epochs is stepped after every batch.

With `T_max=epochs` or `gamma` per epoch, stepping after each batch runs through the whole schedule within
the first epoch: the learning rate collapses, or swings up and down many times.

## Bad

```python
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.6)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        schedule.step()
```

## Good

```python
schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.6)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
```

## Not a problem

- Schedules that count steps: `OneCycleLR`, `CyclicLR`, warm restarts, or a horizon of all steps.
- A decay so slow that it is meant per batch.
- Milestones that no number of passes over the data reaches: they count batches.

## Sources

- [How to adjust the learning
  rate](https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate)
- Reported in [ivadomed](https://github.com/ivadomed/ivadomed/pull/55) and
  [Auto-PyTorch](https://github.com/automl/Auto-PyTorch/pull/210)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import (
    Action,
    CallNode,
    Check,
    Code,
    Const,
    Event,
    Evidence,
    Finding,
    Helper,
    Kind,
    Loader,
    Node,
    Run,
    ScheduleFact,
    Severity,
    needs_schedule,
)
from osler.static.lengths import may_be_one_batch
from osler.static.queries import every_loop, goes_backward, loader_loop

BY_EPOCH = frozenset({"StepLR", "MultiStepLR", "ExponentialLR", "CosineAnnealingLR", "MultiplicativeLR"})
"""Kinds that are documented in epochs."""

COLLAPSED = 0.01
"""Share of the first learning rate that is left after one pass: what follows hardly trains."""

PASSES = 2
"""Passes of training before we speak: a run of one pass may spend its whole schedule in it."""

BATCHES = 32
"""Batches within which a schedule that is meant for batches does not come to its end."""

CYCLES = 4
"""Half cycles of a cosine before we speak: planned for the whole run, it comes to its end once."""

FEW = 4
"""Steps of the schedule in a pass below which a pass is hardly more than an epoch of its own."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="an epoch schedule steps once per epoch",
    why="The learning rate runs through its whole course within the first epoch.",
    fix="Move `scheduler.step()` out of the batch loop, or give the schedule a horizon in steps.",
    symptoms=("learning-rate-decayed-to-zero", "loss-plateaus", "updates-too-small"),
)

check.applies_when(needs_schedule)


@check.in_code
def collapses_in_an_epoch(code: Code) -> Iterator[Finding]:
    for trace in code.traces:
        for epochs in every_loop(trace.nodes):
            for loop in every_loop(epochs.body):
                if loader_loop([loop]) is None or not goes_backward(loop):
                    continue
                if isinstance(loop.over, Loader) and may_be_one_batch(code, loop.over):
                    continue
                for action in unconditional(loop.body):
                    schedule = action.subject
                    if isinstance(schedule, Helper) and action.value is None and collapses(schedule):
                        name = schedule.made.rpartition(".")[2]
                        yield check.finding(
                            action.site,
                            f"`{name}` is stepped after every batch: after {BATCHES} of them less than "
                            f"{COLLAPSED:.0%} of the learning rate is left.",
                            related=[((schedule.place,), "the schedule is built here")],
                        )


def unconditional(nodes: list[Node]) -> Iterator[Action]:
    """Steps of schedules in every turn: `if n % len(loader) == 0` may well be once per epoch."""
    for node in nodes:
        if isinstance(node, Action) and node.kind is Kind.SCHEDULE:
            yield node
        elif isinstance(node, CallNode):
            yield from unconditional(node.body)


def collapses(schedule: Helper) -> bool:
    """So fast a decay, in numbers that are written there, is meant for epochs."""
    kind = schedule.made.rpartition(".")[2]
    every = {"ExponentialLR": 1.0, "StepLR": number(schedule, 1, "step_size")}.get(kind, 0.0)
    gamma = number(schedule, 1 if kind == "ExponentialLR" else 2, "gamma")
    return every >= 1 and 0 < gamma < 1 and gamma ** (BATCHES // every) < COLLAPSED


def number(schedule: Helper, position: int, name: str) -> float:
    """An argument as a number; 0 if it is not written there."""
    match schedule.options.get(name, schedule.options.get(position)):
        case Const(value=int() | float() as given):
            return float(given)
        case _:
            return 0.0


@check.in_run
def stepped_after_every_batch(run: Run) -> Iterator[Finding]:
    for fact in run.schedules.values():
        if fact.kind not in BY_EPOCH:
            continue
        event, each = stepping_turns(run, fact)
        ends = passes(run)
        per_pass = each // ends if ends >= PASSES else 0
        if event is None or per_pass < FEW:
            continue
        left = share_left(run, fact, per_pass)
        swings = fact.kind == "CosineAnnealingLR" and 0 < fact.horizon <= per_pass
        swings = swings and each >= CYCLES * fact.horizon
        if swings:
            seen = f"came to the end of its {fact.horizon} steps {each // fact.horizon} times"
        elif left is None or left >= 1:
            continue
        elif left < COLLAPSED:
            seen = f"left {left:.2g} of the first learning rate after one pass over the data"
        elif 0 < fact.last <= min(ends, per_pass):
            seen = f"passed its last milestone, {fact.last}, in the first of {ends} passes over the data"
        else:
            continue
        yield check.finding(
            event.site,
            f"`{fact.name}` counts epochs, but stepped together with the optimizer, {each} times. It {seen}.",
            step=per_pass,
            subject=fact.name,
            related=[(fact.site, f"`{fact.name}` is built here")],
            evidence=[Evidence("steps of the schedule together with the optimizer", each, "0")],
        )


def stepping_turns(run: Run, fact: ScheduleFact) -> tuple[Event | None, int]:
    """The schedule's step in turns with a batch and an optimizer step, and how many such turns there are."""
    found = [
        (e, p)
        for e, p in run.events(Kind.SCHEDULE)
        if e.subject == fact.name and p.of(Kind.BATCH) and p.of(Kind.STEP) and "argument" not in e.traits
    ]
    return (found[0][0] if found else None), sum(p.count for _, p in found)


def passes(run: Run) -> int:
    """Finished passes over the one loader that is trained on; 0 if there are several."""
    loaders = run.context.training_loaders
    ends = sum(p.times(e) for e, p in run.events(Kind.PASS_END) if e.subject in loaders)
    return ends if len(loaders) == 1 else 0


def share_left(run: Run, fact: ScheduleFact, per_pass: int) -> float | None:
    """Learning rate after one pass over the first one; None if it is not known."""
    names = [*run.optimizers]
    subject = "" if not names or names[0] == fact.optimizer else f":{fact.optimizer}"
    column = run.columns.get(f"learning_rate{subject}") or run.columns.get("learning_rate")
    if column is None or not column.first:
        return None
    steps, values = column.history()
    return next((v / column.first for s, v in zip(steps, values, strict=True) if s >= per_pass), None)
