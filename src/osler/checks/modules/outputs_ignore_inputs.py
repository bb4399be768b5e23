"""The outputs are the same whatever the inputs are.

Somewhere on the way the samples are lost: the forward overwrites its argument, an activation has
flattened everything, a branch returns only what does not depend on `x`, attention reads one fixed token.
The model then learns the average label and nothing more.

Osler asks this in `osler preflight`, after a few steps of training so that a last layer that starts at
zero has moved: every sample is exchanged for another, and not one bit of the output changes.

## Bad

```python
class Blind(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        h = torch.relu(self.body(torch.zeros_like(x)))  # a line left over from a test
        return self.head(h)


model = Blind()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Seeing(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


model = Seeing()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- A last layer that starts at zero.
- Learned constants that are called without inputs.

## Sources

- [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/),
  "input-independent baseline"
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, IgnoredInputFact, Setup, Severity, counted

FEWEST = 2
"""Samples that must have been exchanged."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="different samples give different outputs",
    why="A model that does not see its inputs learns the average label and nothing more.",
    fix="Find where `forward` overwrites its input or leaves it out.",
    symptoms=("cannot-overfit-one-batch", "predictions-collapsed", "no-better-than-baseline"),
)


@check.in_setup
def nothing_changes(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(IgnoredInputFact):
        if fact.samples >= FEWEST and fact.steps:
            yield check.finding(
                fact.site,
                f"After {counted(fact.steps, 'step')} `{fact.model}` gives the same "
                f"{counted(fact.samples, 'output')} "
                "bit for bit when every sample is exchanged for another.",
                subject=fact.model,
                evidence=[Evidence("outputs that changed", 0, f"{fact.samples}")],
            )
