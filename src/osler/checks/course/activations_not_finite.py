"""A module made NaN or infinite values of finite inputs, and the loss is not finite.

The first such module in the order of the calls is where to look: it divides by 0, takes the logarithm or
root of something that is not positive, or overflows. Everything behind it only passes the value on.

## Bad

```python
class Scaled(nn.Module):
    def forward(self, x):
        return x / (x - x).sum(dim=1, keepdim=True)


model = nn.Sequential(nn.Linear(8, 16), Scaled(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Scaled(nn.Module):
    def forward(self, x):
        return x / (x.norm(dim=1, keepdim=True) + 1e-6)


model = nn.Sequential(nn.Linear(8, 16), Scaled(), nn.Linear(16, 4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- Minus infinity that masks positions ahead of a softmax: the loss stays finite.
- NaN that was in the inputs, or that a step has written into the weights.

## Sources

- [Anomaly detection](https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection): finds the
  operation
- [Numerical accuracy](https://docs.pytorch.org/docs/stable/notes/numerical_accuracy.html)
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from osler.model import Check, Finding, Kind, Run, Severity

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="finite outputs from finite inputs",
    why="The loss becomes NaN, and the next step writes NaN into all weights.",
    fix="Look for a division, logarithm, root or exponential in this module that leaves its domain.",
    symptoms=("loss-not-finite", "no-better-than-baseline"),
)


@check.applies_when
def no_model(run: Run) -> str:
    return "" if run.of(Kind.FORWARD) else "no model was called"


@check.in_run
def first_module_not_finite(run: Run) -> Iterator[Finding]:
    fact, loss = run.not_finite.get("activations"), run.not_finite.get("loss")
    if fact is None or loss is None or "weights" in run.not_finite:
        return
    (name,) = fact.subjects
    module = run.modules.get(name)
    kind = f" (`{module.kind}`)" if module is not None else ""
    value = "NaN" if math.isnan(fact.value) else "infinite values"
    yield check.finding(
        fact.site,
        f"`{name}`{kind} returned {value} at step {fact.step} although its inputs and weights were finite; "
        "it is the first module that did.",
        step=fact.step,
        subject=name,
        related=[(loss.site, "the loss that goes backward here is not finite")],
    )
