"""The loss became NaN or infinite.

From here on every gradient is NaN, one step writes NaN into every weight, and the model is lost. If the
loss grew before, the steps are too large. If it came out of nothing, a batch holds NaN or some operation
left its domain: the logarithm or the square root of 0, a division by 0, an overflow in half precision.

## Bad

```python
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1000.0)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x).squeeze(1), y.float())
        loss.backward()
        optimizer.step()
```

## Good

```python
model = nn.Linear(8, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.mse_loss(model(x).squeeze(1), y.float())
        loss.backward()
        optimizer.step()
```

## Not a problem

- An infinite scaled loss while a `GradScaler` looks for its scale, if the next ones are finite: the
  scaler skips that step.
- NaN in a value that nothing goes backward from.

## Sources

- [Anomaly detection](https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection): finds the
  operation
- [On the difficulty of training recurrent neural networks](https://arxiv.org/abs/1211.5063): clipping
- [Gradient of zero norm is nan](https://github.com/pytorch/pytorch/issues/2421)
"""

import math
from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, Kind, NotFiniteFact, Run, Severity, Site

EXPLODED = 10.0
"""Last finite loss over the first: a loss that is merely noisy does not grow that much before it breaks."""

PROBING = 20
"""Backward calls that a gradient scaler has to find its scale: each infinite one halves it."""

TOO_LARGE = "Lower the learning rate, warm it up, or clip the gradients with `clip_grad_norm_`."
AT_START = "Look for NaN and infinite values in the first batch, and for a logarithm, root or division at 0."
SUDDEN = (
    "Look at the batch of this step, and find the operation with `torch.autograd.set_detect_anomaly(True)`: "
    "a logarithm, root or division at 0."
)

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="a finite loss",
    why="Every gradient becomes NaN, and the next step writes NaN into all weights.",
    fix=SUDDEN,
    symptoms=("cannot-overfit-one-batch", "loss-diverges", "no-better-than-baseline"),
)


@check.applies_when
def no_backward(run: Run) -> str:
    return "" if run.backwards or run.not_finite else "no backward was seen"


@check.in_run
def first_loss_not_finite(run: Run) -> Iterator[Finding]:
    fact = run.not_finite.get("loss")
    if fact is None or is_probing(run, fact):
        return
    loss = loss_before(run, fact)
    optimizers = [run.optimizers[o] for o in run.context.optimizers if o in run.optimizers]
    built = [(o.site, f"`{o.name}` is built here") for o in optimizers or run.optimizers.values()]
    yield check.finding(
        loss or fact.site,
        message(fact),
        step=fact.step,
        related=[(fact.site, "backward starts here"), *built],
        evidence=numbers(fact),
        fix=advice(fact),
    )


def is_probing(run: Run, fact: NotFiniteFact) -> bool:
    """Whether a scaled loss overflowed and recovered, or may still recover."""
    if not run.context.scaler or math.isnan(fact.value):
        return False
    last = run.columns["loss"].last if "loss" in run.columns else None
    recovered = last is not None and math.isfinite(last)
    early = run.backwards - fact.backward < PROBING and not run.ended
    return recovered or early


def loss_before(run: Run, fact: NotFiniteFact) -> Site:
    """Where the loss that this backward started from was computed, if the turn shows it."""
    found: Site = ()
    for backward, pattern in run.events(Kind.BACKWARD):
        if backward.site != fact.site or (found and pattern.step > fact.step + 1):
            continue
        before = pattern.events[: pattern.events.index(backward)]
        calls = [e.site for e in before if e.kind is Kind.LOSS and "grad" in e.traits]
        found = calls[-1] if calls else found
    return found


def message(fact: NotFiniteFact) -> str:
    if fact.first_finite is None or fact.last_finite is None:
        return f"The loss was {named(fact.value)} from the first backward on."
    before = "one step earlier" if fact.backward == fact.step + 1 else "just before"
    return (
        f"The loss became {named(fact.value)} at step {fact.step}; "
        f"it was {fact.first_finite:.3g} at the start and {fact.last_finite:.3g} {before}."
    )


def exploded(fact: NotFiniteFact) -> bool:
    first, last = fact.first_finite, fact.last_finite
    return first is not None and last is not None and abs(last) > EXPLODED * abs(first)


def advice(fact: NotFiniteFact) -> str:
    if exploded(fact):
        return TOO_LARGE
    return AT_START if fact.step == 0 else SUDDEN


def named(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite" if value > 0 else "minus infinity"


def numbers(fact: NotFiniteFact) -> Iterator[Evidence]:
    yield Evidence("loss", fact.value, "finite", step=fact.step)
    if fact.first_finite is not None:
        yield Evidence("first loss", fact.first_finite, "finite")
    if fact.last_finite is not None:
        yield Evidence("last finite loss", fact.last_finite, "near the first or below")
