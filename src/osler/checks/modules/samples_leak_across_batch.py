"""What the model says of one sample depends on the others in its batch.

Samples of a batch have nothing to do with each other: they share a tensor only for speed. If exchanging
one sample changes the outputs for others, an axis was taken for another: `view` or `reshape` where
`transpose` was meant, a softmax or a normalisation over the batch axis, attention over samples instead of
time. The loss still falls, because the model learns what the company of a sample says, and predictions
for single samples are worthless.

Osler asks this in `osler preflight`, in evaluation mode, by exchanging samples one at a time: where batch
and features are kept apart, the other outputs stay the same bit for bit.

## Bad

```python
class Mixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        h = torch.relu(self.body(x))
        h = h.t().reshape(len(x), 16)  # rows now hold features of several samples
        return self.head(h)


model = Mixed()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Good

```python
class Apart(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(8, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


model = Apart()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
for epoch in range(epochs):
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
```

## Not a problem

- BatchNorm in training: Osler asks in evaluation mode.
- Contrastive losses, which compare samples after the model has spoken.
- Models of sets and graphs whose batch is one sample: they are not asked.

## Sources

- [A recipe for training neural networks](https://karpathy.github.io/2019/04/25/recipe/), "use backprop to
  chart dependencies"
- [Tensor.view](https://docs.pytorch.org/docs/stable/generated/torch.Tensor.view.html)
"""

from __future__ import annotations

from collections.abc import Iterator

from osler.model import Check, Evidence, Finding, MixingFact, Setup, Severity, counted

SMALL = 1e-4
"""Change of the other outputs, over the largest, that no rounding makes."""

FEWEST = 2
"""Samples that must have been exchanged: one alone may be special."""

check = Check(
    __name__,
    severity=Severity.ERROR,
    expected="the output for a sample depends on that sample alone",
    why="The model learns from the company of a sample: its predictions change with the batch it is in.",
    fix="Look for `view` or `reshape` where `transpose` or `permute` was meant, and for a softmax, a mean or "
    "attention over the batch axis.",
    symptoms=("cannot-overfit-one-batch",),
)


@check.in_setup
def others_change(setup: Setup) -> Iterator[Finding]:
    for fact in setup.all(MixingFact):
        if fact.changed and fact.difference > SMALL and fact.exchanged >= FEWEST:
            yield check.finding(
                fact.site,
                f"Exchanging one of {counted(fact.samples, 'sample')} changes the outputs of "
                f"`{fact.model}` for at "
                f"least {fact.changed} others, by {fact.difference:.2g} of the largest output, in "
                "evaluation mode.",
                subject=fact.model,
                evidence=[Evidence("other outputs that changed", fact.changed, "0")],
            )
