"""A loaded optimizer state brings the tiny learning rate with which an earlier training ended.

`optimizer.load_state_dict(...)` restores the parameter groups too, and with them `lr`. At the end of a
schedule that is next to nothing: without the schedule, the training that follows runs at a rate that moves
nothing, whatever the optimizer was built with.

## Bad

```python
def train(optimizer, schedule=None):
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
            if schedule:
                schedule.step()


optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader), 1e-6)
train(optimizer, schedule)
stored = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}

model.load_state_dict({name: value.clone() for name, value in stored["model"].items()})
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
optimizer.load_state_dict(stored["optimizer"])
train(optimizer)
```

## Good

```python
def train(optimizer, schedule=None):
    for epoch in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            loss_fn(model(x), y).backward()
            optimizer.step()
            if schedule:
                schedule.step()


optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(loader), 1e-6)
train(optimizer, schedule)
stored = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}

model.load_state_dict({name: value.clone() for name, value in stored["model"].items()})
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
optimizer.load_state_dict(stored["optimizer"])
for group in optimizer.param_groups:
    group["lr"] = 0.05
train(optimizer)
```

## Not a problem

- A schedule that is restored as well and goes on where it was, even near its end.
- A rate that is set after loading, by hand or by a new schedule, and one that rises again.
- A rate of the same order, and a fine-tuning at a tenth or a hundredth of the rate before.
- Some of several groups with a tiny rate, and optimizers that are loaded and never step.

## Sources

- [How to adjust the learning
  rate](https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate)
- [Saving and loading a general
  checkpoint](https://docs.pytorch.org/tutorials/recipes/recipes/saving_and_loading_a_general_checkpoint.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Column, Evidence, Finding, RestoredRateFact, Run, Severity

PATIENCE = 20
"""Steps at the loaded rate before we speak: fewer are a trial, or a warm-up."""

PLATEAU = "ReduceLROnPlateau"
"""A schedule that lowers what it finds: the small rate may be where its training had come to."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="a learning rate of the order that the optimizer was built with",
    why="The earlier training ended at this rate because it was over: the weights hardly move any more.",
    fix='Set the rate after loading, `for group in optimizer.param_groups: group["lr"] = lr`, load the state '
    "of the schedule as well, or load only the model for a new training.",
    symptoms=(
        "updates-absent",
        "learning-rate-decayed-to-zero",
        "learning-rate-zero-at-start",
        "learning-rate-too-low",
        "loss-plateaus",
        "updates-too-small",
        "no-better-than-baseline",
    ),
)


@check.applies_when
def nothing_loaded(run: Run) -> str:
    return "" if run.restored_rates else "no optimizer state with a far lower learning rate was loaded"


@check.in_run
def trains_on_at_the_loaded_rate(run: Run) -> Iterator[Finding]:
    for fact in run.restored_rates.values():
        name = fact.optimizer
        column = run.columns.get(f"learning_rate:{name}", run.columns.get("learning_rate", Column()))
        steps, lowest, highest = since_loaded(fact, column)
        waits = any(s.kind == PLATEAU and s.optimizer == name for s in run.schedules.values())
        if steps < PATIENCE or highest > fact.after or waits:
            continue
        if fact.schedule or lowest == highest:  # a hand that changes the rate knows what it does
            yield describe(run, fact, steps)


def since_loaded(fact: RestoredRateFact, column: Column) -> tuple[int, float, float]:
    """Steps since the state was loaded, and the lowest and highest of their rates."""
    history = [(step, rate) for step, rate in zip(*column.history(), strict=True) if step >= fact.step]
    if not history:
        return 0, 0.0, 0.0
    thinned = column.total > len(column.history()[0])
    count = history[-1][0] - history[0][0] + 1 if thinned else len(history)
    rates = [rate for _, rate in history]
    return count, min(rates), max(rates)


def describe(run: Run, fact: RestoredRateFact, steps: int) -> Finding:
    built = run.optimizers[fact.optimizer].site if fact.optimizer in run.optimizers else ()
    schedule = run.schedules[fact.schedule].site if fact.schedule in run.schedules else ()
    return check.finding(
        fact.site,
        f"this brings back a learning rate of {fact.after:.3g} in place of {fact.before:.3g}, and "
        f"`{fact.optimizer}` has taken all {steps} steps since then with no higher one.",
        step=fact.step,
        subject=fact.optimizer,
        related=[
            (built, f"`{fact.optimizer}` is built here"),
            (schedule, f"`{fact.schedule}` is built here and goes on from the loaded rate"),
        ],
        evidence=[Evidence("learning rate after loading", fact.after, f"about {fact.before:.3g}")],
    )
