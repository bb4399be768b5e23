'''A loss sums up the samples of a batch one after the other, and they come in random order.

`cumsum` and `logcumsumexp` along the batch give each sample the sum of those before it. In the partial
likelihood of Cox that is the risk set, everybody who is still under observation at the time of an event, so
the samples have to be sorted by time. A loader that shuffles undoes the order of a data set that was sorted
once: the risk sets are random, the loss falls all the same, and the model learns little of the times.

## Bad

```python
def partial_likelihood(score, event):
    """Samples come longest time first."""
    at_risk = torch.logcumsumexp(score, dim=0)
    return -((score - at_risk) * event).sum() / event.sum().clamp(min=1)


x = torch.randn(192, 8)
time = torch.empty(192).exponential_() * torch.exp(-x[:, 0])
event = (torch.rand(192) < 0.7).float()
order = time.argsort(descending=True)
patients = DataLoader(TensorDataset(x[order], event[order]), batch_size=32, shuffle=True)
risk = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1, bias=False))
optimizer = torch.optim.Adam(risk.parameters(), lr=1e-2)
for epoch in range(epochs):
    for covariates, died in patients:
        loss = partial_likelihood(risk(covariates).squeeze(1), died)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
```

## Good

```python
def partial_likelihood(score, time, event):
    order = time.argsort(descending=True)
    score, event = score[order], event[order]
    at_risk = torch.logcumsumexp(score, dim=0)
    return -((score - at_risk) * event).sum() / event.sum().clamp(min=1)


x = torch.randn(192, 8)
time = torch.empty(192).exponential_() * torch.exp(-x[:, 0])
event = (torch.rand(192) < 0.7).float()
patients = DataLoader(TensorDataset(x, time, event), batch_size=32, shuffle=True)
risk = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 1, bias=False))
optimizer = torch.optim.Adam(risk.parameters(), lr=1e-2)
for epoch in range(epochs):
    for covariates, until, died in patients:
        loss = partial_likelihood(risk(covariates).squeeze(1), until, died)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
```

## Not a problem

- A loss, or a `collate_fn`, that sorts the samples of a batch by itself.
- A data set that is sorted once and not shuffled, whole or in batches.
- Sums along another axis: over time steps, classes, bins or rays, also where time is the first axis.
- Losses over pairs, whose risk sets are comparisons of times.
- Sums over everything of which only the last is used, or differences for the parts of a batch.
- What no gradient goes through: metrics, weights, positions.

## Sources

- [Katzman and others: DeepSurv](https://doi.org/10.1186/s12874-018-0482-1): the partial likelihood of a
  network
- [torch.logcumsumexp](https://docs.pytorch.org/docs/stable/generated/torch.logcumsumexp.html)
- [pycox: loss functions](https://github.com/havakv/pycox/blob/master/pycox/models/loss.py), which sort the
  batch before they sum up
'''

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Code, CumulatedFact, Finding, Severity

check = Check(
    __name__,
    severity=Severity.WARNING,
    expected="samples in the order that the sums are about, such as longest time first",
    why="What is summed up to a sample stands for a set of samples, such as all that are still at risk. In "
    "random order it is a random set: the model follows a loss that says little about the data.",
    fix="Put the samples in order inside the loss: `order = time.argsort(descending=True)`, then sum up "
    "`scores[order]`. A data set that was sorted once does not stay so in random batches.",
)


@check.in_code
def summed_in_random_order(code: Code) -> Iterator[Finding]:
    for fact in code.cumulated:
        yield told(fact)


def told(fact: CumulatedFact) -> Finding:
    name = fact.name.removeprefix("self.")
    by = f"`{name}` shuffles them" if fact.is_loader and name else "the loader shuffles them"
    if not fact.is_loader:
        by = f"`{name}` puts them in random order"
    called = [(fact.scored, "the model is called here")] if fact.scored else []
    return check.finding(
        (fact.site,),
        f"`{fact.operation}` runs along the samples of the batch, so that the result depends on their order, "
        f"but {by} and nothing sorts them.",
        related=[((fact.drawn,), "their order is drawn here"), *called],
    )
