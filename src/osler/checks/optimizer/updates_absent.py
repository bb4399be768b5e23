"""The optimizer steps, but the weights stay what they were, bit for bit.

The gradients are there and `step()` is called, and yet nothing changes: the learning rate is 0, so small
that it is lost to rounding, or the optimizer's own `step()` does not write to the parameters.

## Bad

```python
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: (epochs - epoch) // 10)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
```

## Good

```python
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: (epochs - epoch) / 10)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
    schedule.step()
```

## Not a problem

- The first step of a warm-up that starts at 0.
- A step that a `GradScaler` skips, or gradients that are zero.
- LBFGS that has converged.

## Sources

- [How to adjust the learning rate](https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, Run, Severity

PATIENCE = 4
"""Steps that were looked at before we speak: a warm-up may begin with one or two at 0."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="a step changes the weights",
    why="The model stays what it was at the start, whatever the loss says.",
    fix="Look at the learning rate and at what its schedule multiplies it with.",
    symptoms=(
        "cannot-overfit-one-batch",
        "learning-rate-zero-at-start",
        "learning-rate-decayed-to-zero",
        "loss-plateaus",
        "no-better-than-baseline",
    ),
)


@check.applies_when
def no_step(run: Run) -> str:
    return "" if run.updates else "no step with gradients was compared"


@check.in_run
def nothing_changed(run: Run) -> Iterator[Finding]:
    for fact in run.updates.values():
        if fact.looks < PATIENCE or fact.absent < fact.looks:
            continue
        steps = run.of(Kind.STEP, fact.optimizer)
        built = run.optimizers[fact.optimizer].site if fact.optimizer in run.optimizers else ()
        why = "its learning rate was 0" if not fact.rate else f"its learning rate was {fact.rate:.3g}"
        yield check.finding(
            steps[0].site if steps else built,
            f"`{fact.optimizer}` changed no weight at any of the {fact.looks} steps that were looked at, "
            f"although the gradients were not zero; {why}.",
            subject=fact.optimizer,
            related=[
                (built, f"`{fact.optimizer}` is built here"),
                *((e.site, "the learning rate is set here") for e in run.of(Kind.SCHEDULE)),
            ],
            evidence=[Evidence("steps that changed nothing", fact.absent, "0")],
        )
