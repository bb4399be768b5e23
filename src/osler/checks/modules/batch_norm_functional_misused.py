"""`F.batch_norm` is called without `training=`, with statistics that nobody updates.

The function does not know about the mode of the model. Its default is `training=False`: it divides by the
running variance that it is given and does not touch it. Statistics that begin with mean 0 and variance 1 stay
that way, and the call does nothing at all.

## Bad

```python
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 16)
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        norm = self.norm
        x = F.batch_norm(self.linear(x), norm.running_mean, norm.running_var, norm.weight, norm.bias)
        return self.head(torch.relu(x))


model = Block()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 16)
        self.norm = nn.BatchNorm1d(16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.linear(x))))


model = Block()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- `training=True`, or `training=self.training` in train mode, with or without running statistics.
- Statistics that come from pretraining or are updated by hand.
- A BatchNorm layer in eval mode: that is another check.
- Calls that nothing goes backward through.

## Sources

- [batch_norm](https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html)
- [BatchNorm1d](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, Evidence, Finding, Run, Severity
from osler.static.functional_norms import idle_statistics

PATIENCE = 2
"""Backward calls, with a step between, at which the statistics were what they began with."""

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="BatchNorm normalises by the statistics of the batch while the model is trained",
    why="Mean 0 and variance 1 normalise nothing: the layer is only a scale and a shift.",
    fix="Pass `training=self.training`, or use an `nn.BatchNorm` layer.",
    symptoms=("activations-explode", "batch-norm-statistics-stale", "gradients-explode", "loss-diverges"),
)


@check.applies_when
def always_updated(run: Run) -> str:
    return "" if run.idle_norms else "no backward went through BatchNorm with unchanged statistics"


@check.in_code
def never_updates(code: Code) -> Iterator[Finding]:
    for fact in idle_statistics(code):
        yield check.finding(
            (fact.place,),
            f"`batch_norm` is called without `training=` and normalises by `{fact.name}`, "
            "which no line updates.",
            subject=fact.name,
        )


@check.in_run
def normalises_nothing(run: Run) -> Iterator[Finding]:
    for fact in run.idle_norms.values():
        if fact.looks < PATIENCE or fact.step == fact.first:
            continue
        for site in fact.sites:
            yield check.finding(
                site,
                "`batch_norm` is called with `training=False` and normalises by a mean of 0 and a variance "
                f"of 1, as at the start: in {fact.step - fact.first} steps nothing has updated them.",
                step=fact.first,
                related=[(fact.backward, "this backward goes through it")],
                evidence=[Evidence("steps without an update of the statistics", fact.step - fact.first, "0")],
            )
